/**
 * Completes a response: adds the session's cookie or header, and replaces it if the session could not be saved.
 */
import * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import { type SessionError, statusOf } from "../SessionError.js"
import { isToReload } from "./bound/proven.js"
import type { Outcome } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"
import { nodeResponseOf } from "./underWay.js"

type Response = HttpServerResponse.HttpServerResponse

/** The form of errors in responses: an empty response or, in an `HttpApi`, the error that it declares. */
export type Shape = "empty" | "declared"

/** Closes a body that will not be sent: a file's stream holds a descriptor. */
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

/**
 * The headers that describe the body and its caching. All others may come from outer layers, and stay.
 */
const ofBody =
  /^(content-(?!security-policy).*|etag|last-modified|accept-ranges|transfer-encoding|location|cache-control|expires|age|refresh)$/

/** Another response in place of one, with its headers and cookies, but of another status and body. */
const replacing = (response: Response, status: number, body: HttpServerResponse.HttpServerResponse): Response => {
  release(response)
  const others = Object.entries(response.headers).filter(([name]) => !ofBody.test(name))
  const headers = [...others, ["cache-control", "no-store"] as const]
  return HttpServerResponse.mergeCookies(
    HttpServerResponse.setHeaders(HttpServerResponse.setStatus(body, status), headers),
    response.cookies
  )
}

const bodyOf = ({ reason }: SessionError, shape: Shape) =>
  shape === "declared" ? HttpServerResponse.jsonUnsafe({ _tag: "SessionError", reason }) : HttpServerResponse.empty()

/**
 * Whether cookies of other scopes are to be removed: if the client sent several, in a response that sets or removes the
 * session's own cookie, or if none of them can be used. A response that changes nothing might undo what another one has
 * just set. A session that the client holds ends with its cookie, in whatever scope that is.
 */
const isUntidy = (session: RequestState): boolean => {
  const { env, origin, reply } = session
  return (
    (reply !== undefined || origin._tag === "Ambiguous" || origin._tag === "Missing") &&
    (session.sent?.doubled === true || (reply === "forget" && env.keeper.needsResponse))
  )
}

/** Whether the response brings the client any news of the session. */
const isTold = (session: RequestState): boolean => session.reply !== undefined || isUntidy(session)

/** Adds the header that tells the browser what to delete (W3C Clear Site Data 3.1), unless the handler has set it. */
const clearing = (session: RequestState, response: Response): Response => {
  const { clearSiteData } = session.env.config
  return clearSiteData.length === 0 || response.headers["clear-site-data"] !== undefined
    ? response
    : HttpServerResponse.setHeader(response, "clear-site-data", clearSiteData.map((type) => `"${type}"`).join(", "))
}

/** What the server's administrator should know about a response that sets a cookie. */
const warned = ({ env: { device, warnings }, offer }: RequestState, request: HttpServerRequest): Effect.Effect<void> =>
  offer !== undefined && device?.isServed === false
    ? Effect.andThen(warnings.cookieSet(request), warnings.unbindable)
    : warnings.cookieSet(request)

/** Whether the body may read the session when the headers have left, and the handler has not said what caches may do. */
const mayUseLater = ({ body, headers }: Response): boolean =>
  body._tag === "Stream" && headers["cache-control"] === undefined

/** Adds the session's news to the response. Doing it twice gives the same response. */
export const tell = (session: RequestState, made: Response, request: HttpServerRequest): Effect.Effect<Response> => {
  if (isToReload(session, request)) {
    return Effect.succeed(
      HttpServerResponse.setHeader(replacing(made, 200, HttpServerResponse.empty()), "refresh", "0")
    )
  }
  const response = session.signedOut ? clearing(session, made) : made
  if (!session.isUsed && !mayUseLater(response)) {
    return Effect.succeed(response)
  }
  const { caches, warnings } = session.env
  const told = isTold(session) ? tellNews(session, response, request) : Effect.succeed(caches.guard(response))
  return caches.isOverruled(response) ? Effect.andThen(warnings.cached, told) : told
}

const tellNews = (session: RequestState, response: Response, request: HttpServerRequest): Effect.Effect<Response> => {
  const { env, reply, sent } = session
  const told = env.caches.guard(reply === undefined ? response : env.transport.write(response, reply, request))
  return isUntidy(session)
    ? Effect.as(sent?.doubled === true ? env.warnings.doubled : Effect.void, env.transport.tidy(told, request))
    : Effect.as(warned(session, request), told)
}

/**
 * Returns the response that replaces the handler's because of the outcome, or undefined if the handler's stands. Logs
 * the error, since the client does not see its message.
 */
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
        Effect.logDebug("session: it ended while a request used it; the request's changes were dropped"),
        response
      )
    case "Died":
      return Effect.as(
        session.env.reports.died(outcome.defect),
        isReplaced ? replacing(response, 500, HttpServerResponse.empty()) : response
      )
    case "Failed": {
      const { error } = outcome
      return Effect.as(
        session.env.reports.failed(error),
        isReplaced ? replacing(response, statusOf(error.reason), bodyOf(error, shape)) : response
      )
    }
    default:
      return undefined
  }
}

/**
 * Ends the response to a client that has hung up. The platform would write it to a closed socket and wait for ever, and
 * keep the request's objects in memory.
 */
export const dismiss = (request: HttpServerRequest, response: Response): Response => {
  release(response)
  const own = nodeResponseOf(request)
  if (own?.writableEnded === false) {
    own.end()
  }
  return HttpServerResponse.empty({ status: response.status })
}

/** Whether the client has hung up. */
export const isGone = ({ source }: HttpServerRequest): boolean => {
  const { socket } = source as { readonly socket?: { readonly destroyed?: boolean } | null }
  return socket?.destroyed === true
}
