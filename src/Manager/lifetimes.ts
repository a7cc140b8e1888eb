/**
 * How long a session lives, by the configuration or by its own timeouts if its owner asked to be remembered; and how long
 * the browser keeps its cookie.
 */
import * as DateTime from "#effect/DateTime"
import * as Duration from "#effect/Duration"
import type { SessionData } from "../Store/Codec.js"
import type { SessionConfig } from "./configSchema.js"
import type { Seen } from "./findLive.js"
import type { Base } from "./Outcome.js"
import type { Entry } from "./people/register.js"
import type { RequestState } from "./RequestState.js"

/** Whether the session's owner asked to be remembered, when the browser ends too. */
export const isRemembered = ({ owner }: SessionData): boolean => owner?.lifetimes !== undefined

/** The session's idle and absolute timeout, in milliseconds. */
export const timeoutsOf = (
  config: SessionConfig,
  { idleTimeout, owner }: SessionData
): readonly [idle: number, absolute: number] =>
  owner?.lifetimes ?? [idleTimeout ?? Duration.toMillis(config.idleTimeout), Duration.toMillis(config.absoluteTimeout)]

/**
 * The least time between two renewals of the lifetime of a session with this idle timeout, in milliseconds. One that was
 * to be remembered is renewed no more seldom than others.
 */
export const touchEveryOf = ({ idleTimeout, touchEvery }: SessionConfig, idle: number): number =>
  touchEvery === undefined ? Math.min(idle, Duration.toMillis(idleTimeout)) / 10 : Duration.toMillis(touchEvery)

/**
 * The session's lifetime from `now` on, in milliseconds: the idle timeout, but never past its absolute end. A session
 * that is over, or began before `validFrom`, has none. One that cannot tell when it began has no absolute end.
 */
export const lifetimeOf = (config: SessionConfig, data: SessionData, now: number): number => {
  const [idle, absolute] = timeoutsOf(config, data)
  const { validFrom } = config
  const { createdAt } = data
  if (validFrom !== undefined && (createdAt === undefined || createdAt < DateTime.toEpochMillis(validFrom))) {
    return 0
  }
  const life = createdAt === undefined ? idle : Math.min(idle, createdAt + absolute - now)
  return config.deviceBound?.required === true ? Math.min(life, mustBeBoundBy(config.deviceBound, data) - now) : life
}

/** When a session ends unless a browser has bound it by then. */
const mustBeBoundBy = ({ every }: NonNullable<SessionConfig["deviceBound"]>, { owner }: SessionData): number =>
  owner === undefined || owner.binding?.key !== undefined
    ? Number.POSITIVE_INFINITY
    : owner.signedInAt + Duration.toMillis(every)

/** A session and, if its data are unknown, what the list of the person's sessions tells of it. */
interface Listed extends Seen {
  readonly entry: Pick<Entry, "isRemembered" | "startedAt">
}

/**
 * When a session was used last, in milliseconds since the epoch. A write notes when it was, and a renewal of the lifetime
 * shows in the expiry, unless the absolute end is near: there the manager notes it too. The backend's clock may round the
 * expiry a little. Of a session that only its id opens, the expiry is all that tells.
 */
export const lastSeenOf = (config: SessionConfig, { data, entry, kept }: Listed): number => {
  if (data === undefined) {
    const { idleTimeout } = entry.isRemembered ? config.remember : config
    return Math.max(entry.startedAt, kept.expiresAt - Duration.toMillis(idleTimeout))
  }
  const [idle, absolute] = timeoutsOf(config, data)
  const { createdAt = 0, owner } = data
  const isCapped = kept.expiresAt > createdAt + absolute - 1000
  return Math.max(owner?.seenAt ?? 0, isCapped ? 0 : kept.expiresAt - idle)
}

/**
 * How long the browser is to keep the session's cookie, in milliseconds, so that the cookie has to be renewed along with
 * the session. Undefined if it ends with the browser, the id came in a header or query parameter, or another app sends
 * the cookie.
 */
export const cookieLifetimeOf = (
  { env: { config }, readAt, sent }: RequestState,
  { data }: Base
): number | undefined => {
  const { cookie } = config
  const isOwn = sent === undefined || sent.via === "cookie"
  if (cookie === false || !cookie.sent || !isOwn) {
    return undefined
  }
  return isRemembered(data)
    ? lifetimeOf(config, data, Math.max(readAt, data.createdAt ?? 0))
    : data.endsWithBrowser === true
      ? undefined
      : (data.idleTimeout ?? (cookie.maxAge && Duration.toMillis(cookie.maxAge)))
}
