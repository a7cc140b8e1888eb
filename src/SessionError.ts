/**
 * The only error of this library. Its `reason` says what went wrong with a session.
 *
 * @since 3.0.0
 */
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as HttpServerRespondable from "#effect/http/HttpServerRespondable"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import { hasProperty } from "#effect/Predicate"
import * as Schema from "#effect/Schema"
import { Failure, wordsOf } from "./internal/failure.js"

/**
 * Why a session operation failed.
 *
 * - `Unavailable`: the backend is down, refused the call, or did not respond in time. Trying again later can help.
 * - `Conflict`: other requests changed the session each time this one tried to save. Trying again can help.
 * - `Gone`: the session ended, expired or got another id after it was read, or before the request came. Nothing was
 *   written. Trying again with the browser's current cookie can help.
 * - `NotFound`: no live session has this id.
 * - `InvalidValue`: a value does not satisfy its field's Schema. The session is unchanged.
 * - `TooLarge`: the session would be larger than the backend or the configuration allows. Nothing was written.
 * - `HeadersSent`: the change came after the response was made, so it could not be kept.
 * - `Unsupported`: the backend cannot do this (see its capabilities).
 * - `InvalidConfig`: an option is wrong; the message names it.
 * - `SignInNeeded`: nobody has signed in here, or not recently enough.
 * - `TooManySessions`: the person is signed in as many times as `principals.max` allows. Nothing was written.
 * - `CrossOrigin`: another site sent the request, which must not use the session, or cannot begin one.
 * - `NotAdmitted`: `admit` let the client have no session. Trying again later can help.
 *
 * @since 3.0.0
 * @category errors
 */
export const Reason = Schema.Literals([
  "Unavailable",
  "Conflict",
  "Gone",
  "NotFound",
  "InvalidValue",
  "TooLarge",
  "HeadersSent",
  "Unsupported",
  "InvalidConfig",
  "SignInNeeded",
  "TooManySessions",
  "CrossOrigin",
  "NotAdmitted"
])

/**
 * The reason why a session operation failed.
 *
 * @since 3.0.0
 * @category errors
 */
export type Reason = typeof Reason.Type

/**
 * The error of a session operation. The message names the backend or field, the operation and what to do. It never
 * holds a session id or a value, so it can be logged.
 *
 * If a handler does not catch it, `@effect/platform` responds with an empty 503 if trying again can help
 * (`Unavailable`, `Conflict`, `Gone`), 401 for `SignInNeeded`, 403 for `TooManySessions` and `CrossOrigin`, 429 for
 * `NotAdmitted`, and 500 otherwise.
 *
 * The 401 has no `WWW-Authenticate` header, although RFC 9110 (15.5.2) asks for one: no scheme of HTTP authentication
 * is registered for cookies, and `Basic` would make browsers ask for a password. Effect's own `Unauthorized` and
 * Passport's sign-in forms leave it out as well. If your clients need it, catch the error and respond yourself.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionError } from "effect-session"
 *
 * declare const visit: Effect.Effect<number, SessionError>
 *
 * const orZero = visit.pipe(
 *   Effect.catchTag("SessionError", (error) => error.reason === "Unavailable" ? Effect.succeed(0) : Effect.fail(error))
 * )
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionError extends Schema.TaggedError<SessionError>("effect-session/SessionError")("SessionError", {
  reason: Reason,
  message: Schema.String
}) {
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return Effect.succeed(HttpServerResponse.empty({ status: statusOf(this.reason) }))
  }
}

const isReason = Schema.is(Reason)

/**
 * Whether a value is an error of this library. Only its tag and reason are checked, so that two copies of the package
 * understand each other. @internal
 */
export const isSessionError = (u: unknown): u is SessionError =>
  hasProperty(u, "_tag") && u._tag === "SessionError" && hasProperty(u, "reason") && isReason(u.reason)

/** The statuses of responses to errors. @internal */
export type Status = 401 | 403 | 429 | 500 | 503

/** The reasons for which trying again can help, and those that are the client's matter. */
const statuses: { readonly [R in Reason]?: Status } = {
  Unavailable: 503,
  Conflict: 503,
  Gone: 503,
  SignInNeeded: 401,
  TooManySessions: 403,
  CrossOrigin: 403,
  NotAdmitted: 429
}

/** The status of the response to an error. @internal */
export const statusOf = (reason: Reason): Status => statuses[reason] ?? 500

/** The reasons with a status. @internal */
export const reasonsWith = (status: Status): ReadonlyArray<Reason> =>
  Reason.literals.filter((reason) => statusOf(reason) === status)

/**
 * Makes the error of a backend call that failed: `Unavailable`, with the backend, the operation and the driver's error
 * code in its message. Only the code (or, without one, the error's name) is taken from the cause: its message, arguments
 * and stack can hold ids and values, and so can a string. For words of your own make a `SessionError`.
 *
 * @example
 * import { SessionProvider } from "effect-session"
 *
 * const error = SessionProvider.unavailable("redis", "read", new Error("not shown in the message"))
 *
 * @since 3.0.0
 * @category constructors
 */
export const unavailable = (backend: string, operation: string, cause: unknown): SessionError => {
  const { advice, words } = describe(cause)
  return new SessionError({
    reason: "Unavailable",
    message: `${backend}: ${operation} failed (${words})${advice === undefined ? "" : `: ${advice}`}`
  })
}

/** What may be shown of a cause. */
const describe = (cause: unknown): Pick<Failure, "words" | "advice"> => {
  if (Cause.isUnknownError(cause)) {
    return describe(cause.cause)
  }
  return cause instanceof Failure ? cause : wordsOf(cause)
}

/**
 * Turns the cause of a failed backend call into an error of this library; a cause that is one already stays. @internal
 */
export const fromCause =
  (backend: string, operation: string) =>
  (cause: unknown): SessionError =>
    isSessionError(cause) ? cause : unavailable(backend, operation, cause)

/**
 * Makes the error of a payload that is over a limit: `TooLarge`, with both sizes in bytes.
 *
 * @example
 * import { SessionProvider } from "effect-session"
 *
 * const error = SessionProvider.tooLarge("redis", 70_000, 65_536)
 *
 * @since 3.0.0
 * @category constructors
 */
export const tooLarge = (where: string, size: number, limit: number): SessionError =>
  new SessionError({
    reason: "TooLarge",
    message: `${where}: the session is ${size} bytes, the limit is ${limit}: keep less in it, such as ids instead of records`
  })
