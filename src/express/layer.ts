/**
 * The layer that shares sessions with an app on express or fastify.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import * as SessionLayer from "../layers/SessionLayer.js"
import { type CookieOptions, make as makeConfig, type Options as SessionOptions } from "../Manager/SessionConfig.js"
import type { SessionManager } from "../Manager/SessionManager.js"
import type { SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { codecWith, cookieOf } from "./codec.js"

/**
 * The options of sessions that are shared with an app on express or fastify: those of all sessions, with other defaults.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options extends Omit<SessionOptions, "cookie"> {
  /** The `secret` of express-session or @fastify/session. Of several, the first one signs, and all are accepted. */
  readonly secrets: ReadonlyArray<Redacted.Redacted<string>>
  /** Those of the other app's cookie. */
  readonly cookie?: Omit<CookieOptions, "secrets"> | undefined
}

const aDay = Duration.days(1)

/** What is wrong, in JavaScript too, where types say nothing. */
const wrongIn = ({ cookie, secrets }: { readonly cookie: unknown; readonly secrets: unknown }): string | undefined =>
  cookie === false
    ? "cookie: express and fastify know a session only by its cookie"
    : typeof cookie === "object" && cookie !== null && "secrets" in cookie
      ? "cookie.secrets: pass them beside cookie, as secrets"
      : Array.isArray(secrets) && secrets.length > 0
        ? undefined
        : "secrets: expected those of the other app's sessions, each wrapped with Redacted.make"

/**
 * Shares sessions with an app on express-session 1.19 or @fastify/session 11 that runs beside this one, on a provider that keeps
 * them as that app's store does: `redis`, `postgres`, `mysql`, or that of an `ExpressStore`. Fails with `InvalidConfig`
 * if an option is wrong, and with the errors of the provider.
 *
 * The options of the cookie must be those of the other app. Defaults that differ from those of other layers: the cookie is
 * called `connect.sid`; `idleTimeout`, which is for sessions whose cookie ends with the browser, is 1 day, or `maxAge` if that
 * is less; ids are not hashed, and have 24 bytes. Other sessions live as long as their cookie.
 *
 * @example
 * import { Redacted } from "effect"
 * import * as Express from "effect-session/express"
 *
 * const SessionLive = Express.layer(Express.redis({ url: "redis://127.0.0.1:6379" }), {
 *   secrets: [Redacted.make("keyboard cat")],
 *   cookie: { maxAge: "14 days" }
 * })
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = <E, R>(
  provider: Layer.Layer<SessionProvider, E, R>,
  { secrets, ...options }: Options
): Layer.Layer<SessionManager, E | SessionError, R> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { cookie } = options
      const message = wrongIn({ cookie, secrets })
      if (message !== undefined) {
        return yield* new SessionError({ reason: "InvalidConfig", message })
      }
      const merged: SessionOptions = {
        ...options,
        // The format does not tell when a session began.
        absoluteTimeout: options.absoluteTimeout ?? Duration.infinity,
        idleTimeout: options.idleTimeout ?? cookie?.maxAge ?? aDay,
        id: { bytes: 24, hashed: false, ...options.id },
        cookie: { name: "connect.sid", ...cookie, secrets }
      }
      const config = yield* makeConfig(merged)
      // Of sessions that have none of their own: the store of the other app keeps them for a day.
      const idleTimeout = options.idleTimeout ?? Duration.min(config.idleTimeout, aDay)
      return SessionLayer.make(provider, { ...merged, idleTimeout }, codecWith(cookieOf(config)))
    })
  )
