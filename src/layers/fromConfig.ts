/**
 * The backend and all options, chosen when the app starts.
 */
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SessionConfig from "../Manager/SessionConfig.js"
import type * as SessionManager from "../Manager/SessionManager.js"
import { checked } from "../Provider/internal/options.js"
import type { SessionError } from "../SessionError.js"
import { chosen } from "./backends.js"
import { type Backend, compose } from "./compose.js"
import { checkVariables, over, provider, variableOf } from "./variables.js"

/**
 * What the app itself says beside its environment.
 *
 * @since 0.1.0
 * @category models
 */
export interface FromConfigOptions {
  /** Options of the session. A variable overrides the option that it belongs to, and leaves the others. */
  readonly session?: SessionConfig.Options | undefined
  /** Backends of your own, by the names that `SESSION_PROVIDER` can have. */
  readonly providers?: Readonly<Record<string, Backend<SessionError | ConfigError.ConfigError>>> | undefined
  /** Variables of your own that begin with `SESSION_`. Any other that is unknown is an error. */
  readonly ignore?: ReadonlyArray<string> | undefined
}

/** An option of the environment is named by its variable, one of the code by its path. */
const configOf = (
  session: SessionConfig.Options
): Effect.Effect<SessionConfig.SessionConfig, SessionError | ConfigError.ConfigError> =>
  Effect.flatMap(over(session), ({ isSet, options }) =>
    SessionConfig.makeNamed(options, (path) => (isSet(path) ? variableOf(path) : path.join(".")))
  )

/**
 * Provides sessions as the environment says, read with Effect's `Config`: `SESSION_PROVIDER` names the backend (`memory` by default),
 * `SESSION_URL` its address, and the other variables are those of `SessionConfig` (`docs/configuration.md` has them all). Fails with a
 * `ConfigError` if a variable is wrong, or begins with `SESSION_` and is unknown. A backend's module and driver are loaded only if it
 * is chosen.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.fromConfig({ session: { idleTimeout: "15 minutes" } })
 *
 * @since 0.1.0
 * @category layers
 */
export const fromConfig = (
  options: FromConfigOptions = {}
): Layer.Layer<SessionManager.SessionManager, SessionError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(
    checked(
      { ignore: "optional", providers: "optional", session: "optional" },
      options,
      ({ ignore = [], providers, session = {} }) =>
        Effect.map(Effect.zipRight(checkVariables(ignore), chosen(provider, providers)), (backend) =>
          compose(configOf(session), backend)
        )
    )
  )
