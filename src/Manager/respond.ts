/**
 * What becomes of a response: what the client is told in it, and what takes its place if the session could not be saved.
 */
import { ServerResponse } from "node:http"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { type SessionError, statusOf } from "../SessionError.js"
import type { Outcome } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"
import type { Transport } from "./Transport.js"
import type { Warnings } from "./warnings.js"

type Response = HttpServerResponse.HttpServerResponse

/** How errors are shown to clients: as an empty response or, in an `HttpApi`, as the error that it declares. */
export type Shape = "empty" | "declared"

/** Logs an error, of which its client sees nothing. `Gone` is no fault of the server's, and any client can cause it. */
export const log = ({ message, reason }: SessionError): Effect.Effect<void> =>
  reason === "Gone" ? Effect.logDebug(message) : Effect.logError(message)

/** Closes a body that is not going to be sent: a file's stream holds a descriptor. */
const release = ({ body }: Response): void => {
  const stream: unknown = body._tag === "Raw" ? body.body : undefined
  if (typeof stream === "object" && stream !== null) {
    if ("destroy" in stream && typeof stream.destroy === "function") {
      stream.destroy()
    } else if (stream instanceof ReadableStream && !stream.locked) {
      stream.cancel().catch(() => {})
    }
  }
}

/** The headers that speak of the body, and how long it may be kept; all others were set by outer layers too, and stay. */
const ofBody =
  /^(content-(?!security-policy).*|etag|last-modified|accept-ranges|transfer-encoding|location|cache-control|expires|age|refresh)$/

/** The response to a request whose session could not be saved: other status and body, the same headers and cookies. */
const failed = (response: Response, status: number, body: HttpServerResponse.HttpServerResponse): Response => {
  release(response)
  const others = Object.entries(response.headers).filter(([name]) => !ofBody.test(name))
  const headers = [...others, ["cache-control", "no-store"] as const]
  return HttpServerResponse.mergeCookies(
    HttpServerResponse.setHeaders(HttpServerResponse.setStatus(body, status), headers),
    response.cookies
  )
}

const bodyOf = ({ reason }: SessionError, shape: Shape) =>
  shape === "declared" ? HttpServerResponse.unsafeJson({ _tag: "SessionError", reason }) : HttpServerResponse.empty()

/**
 * Whether cookies of other scopes are to be taken away: if the client sent several, with an answer that sets or removes the session's own,
 * or if none of them is of use. An answer that changes nothing might undo what another one has just told. A session that the client
 * holds ends with its cookie, in whatever scope that is.
 */
const isUntidy = ({ env, origin, reply, sent }: RequestState): boolean =>
  sent?.doubled === true
    ? reply !== undefined || origin._tag === "Ambiguous" || origin._tag === "Missing"
    : reply === "forget" && env.keeper.needsResponse

/** Whether there is anything that the client has to be told. */
const isTold = (session: RequestState): boolean => session.reply !== undefined || isUntidy(session)

/** The response, with what the client has to be told; told again, it is the same. */
export const tell = (
  session: RequestState,
  response: Response,
  request: HttpServerRequest,
  transport: Transport,
  warnings: Warnings
): Effect.Effect<Response> => {
  if (!isTold(session)) {
    return Effect.succeed(response)
  }
  const { reply } = session
  const told = reply === undefined ? response : transport.write(response, reply, request)
  return isUntidy(session)
    ? Effect.as(session.sent?.doubled === true ? warnings.doubled : Effect.void, transport.tidy(told, request))
    : Effect.as(warnings.cookieSet(request), told)
}

/** What is answered instead of a response, by what became of the session; undefined if the response stands. An error is logged, for its client sees nothing of it. */
export const respond = (
  session: RequestState,
  outcome: Outcome,
  response: Response,
  shape: Shape
): Effect.Effect<Response> | undefined => {
  const isReplaced = session.env.config.whenNotSaved === "503" || ("identity" in outcome && outcome.identity)
  switch (outcome._tag) {
    case "Lost":
      return Effect.as(
        Effect.logDebug("session: it ended while a request used it; what the request changed was dropped"),
        response
      )
    case "Died":
      return Effect.as(
        Effect.logError("session: saving died", Cause.die(outcome.defect)),
        isReplaced ? failed(response, 500, HttpServerResponse.empty()) : response
      )
    case "Failed": {
      const { error } = outcome
      return Effect.as(
        log(error),
        isReplaced ? failed(response, statusOf(error.reason), bodyOf(error, shape)) : response
      )
    }
    default:
      return undefined
  }
}

/**
 * The response to a client that has hung up. The platform would write it to a socket that is gone and wait for ever, with all that the
 * request holds.
 */
export const dismiss = (request: HttpServerRequest, response: Response): Response => {
  release(response)
  const own = (request as { readonly response?: unknown }).response
  if (own instanceof ServerResponse && !own.writableEnded) {
    own.end()
  }
  return HttpServerResponse.empty({ status: response.status })
}

/** Whether nobody is there any more to be answered. */
export const isGone = ({ source }: HttpServerRequest): boolean => {
  const { socket } = source as { readonly socket?: { readonly destroyed?: boolean } | null }
  return socket?.destroyed === true
}
