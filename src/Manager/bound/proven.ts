/**
 * Whether a request may have a bound session: it brings a fresh bound cookie, or its browser says why it has none.
 */
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import { type Origin, unproven } from "../Origin.js"
import type { RequestState } from "../RequestState.js"
import { identifierOf, isProved } from "./binding.js"
import { readList } from "./structured.js"

/** Why a browser goes on although it could not prove its key. */
const excuses = ["unreachable", "server_error", "quota_exceeded"]

/**
 * Whether the page is to be loaded again: a link on another site has led here. For it browsers send the cookies, but do
 * not renew the proof; when the page loads itself again, they do.
 */
export const isToReload = ({ env: { device }, origin, sent }: RequestState, { headers, method }: HttpServerRequest) =>
  device !== undefined &&
  origin._tag === "Unproven" &&
  sent?.shown?.skipped === undefined &&
  method === "GET" &&
  headers["sec-fetch-mode"] === "navigate" &&
  headers["sec-fetch-dest"] === "document" &&
  /^(cross|same)-site$/.test(headers["sec-fetch-site"] ?? "")

/** What the request knows of the session that it has found: less, if that is bound and the proof is missing. */
export const whereProven = (session: RequestState, origin: Origin, now: number): Origin => {
  const { device, telemetry } = session.env
  const shown = session.sent?.shown
  if (device === undefined || origin._tag !== "Live" || shown === undefined) {
    return origin
  }
  const binding = origin.base.data.owner?.binding
  if (binding?.key === undefined || isProved(binding, shown.cookies, now)) {
    return origin
  }
  const { until } = binding
  // As long as its last cookie lasts, the browser has one, and whoever says otherwise is not that browser.
  const mayBeExcused = shown.skipped !== undefined && now >= until && now < until + device.skippedFor
  const isExcused =
    mayBeExcused &&
    readList(shown.skipped).some(
      ({ parameters, text }) => excuses.includes(text) && parameters.get("session_identifier") === identifierOf(binding)
    )
  if (isExcused) {
    return origin
  }
  if (!session.proving) {
    telemetry.emit("Unproven", origin.base.kept.ref, session)
  }
  return unproven(origin.base)
}
