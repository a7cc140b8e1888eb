/**
 * Makes sessions for tests of handlers.
 */
import * as Effect from "#effect/Effect"
import { LiveSession } from "../Manager/LiveSession.js"
import { internals } from "../Manager/Manager.js"
import { SessionManager } from "../Manager/SessionManager.js"
import { SessionError } from "../SessionError.js"
import type { Any, FieldsOf, Session } from "../Store/SessionStore.js"

/**
 * Stores a session with what `prepare` sets, or signs in to, and returns the request headers that carry its token. Fails
 * with `NotFound` if `prepare` sets nothing, and with `Unsupported` if the id travels only in a URL.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { HttpClient } from "effect/http"
 * import { SessionStore } from "effect-session"
 * import { signIn } from "effect-session/testing"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { agent: Schema.String }) {}
 *
 * const test = Effect.gen(function* () {
 *   const headers = yield* signIn(AppSession, (session) => session.signIn("ada"))
 *   const response = yield* HttpClient.get("/me", { headers })
 *   return response.status
 * })
 *
 * @since 3.0.0
 * @category testing
 */
export const signIn = <S extends Any, A>(
  store: S,
  prepare: (session: Session<FieldsOf<S>>) => Effect.Effect<A, SessionError>
): Effect.Effect<Record<string, string>, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) => {
    const { environment, handle } = internals(manager)
    const session = new LiveSession(environment, () => undefined)
    return Effect.flatMap(Effect.andThen(prepare(handle(store, session)), session.save), () => {
      if (session.reply === undefined || session.reply === "forget") {
        return Effect.fail(
          new SessionError({ reason: "NotFound", message: "signIn: nothing was stored: set a value in the session" })
        )
      }
      const headers = environment.transport.headersOf(session.reply.token)
      return headers === undefined
        ? Effect.fail(
            new SessionError({
              reason: "Unsupported",
              message: "signIn: the id travels only in a URL, not in headers"
            })
          )
        : Effect.succeed(headers)
    })
  })
