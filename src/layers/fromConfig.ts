/**
 * The backend and all options, chosen when the app starts.
 */
import type * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as SessionConfig from "../Manager/SessionConfig.js"
import type * as SessionManager from "../Manager/SessionManager.js"
import { checked } from "../Provider/internal/options.js"
import type { Provider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import { chosen } from "./backends.js"
import { type Backend, compose } from "./compose.js"
import { checkVariables, over, provider, variableOf } from "./variables.js"

/**
 * The app's own options, beside its environment.
 *
 * @since 3.0.0
 * @category models
 */
export interface FromConfigOptions {
  /** Options of the session. A variable overrides its option, and leaves the others. */
  readonly session?: SessionConfig.Options | undefined
  /** The app's own backends, by their names in `SESSION_PROVIDER`. */
  readonly providers?: Readonly<Record<string, Backend<SessionError | Config.ConfigError>>> | undefined
  /** The app's own variables that begin with `SESSION_`. Any other that is unknown is an error. */
  readonly ignore?: ReadonlyArray<string> | undefined
  /**
   * Wraps the provider that the environment chooses, to watch or change its calls (`SessionProvider.mapCalls`). With
   * sealed cookies that is the provider of revocations, if there is one.
   */
  readonly wrap?: ((provider: Provider) => Provider) | undefined
}

/** In errors, an option from the environment has the name of its variable, and one from the code has its path. */
export const configOf = (
  session: SessionConfig.Options
): Effect.Effect<SessionConfig.SessionConfig, SessionError | Config.ConfigError> =>
  Effect.flatMap(over(session), ({ isSet, options }) =>
    SessionConfig.makeNamed(options, (path) => {
      // What is wrong may be one part of a list, which has one variable.
      const option = path.filter((part) => !/^\d+$/.test(part))
      return isSet(option) ? variableOf(option) : path.join(".")
    })
  )

/**
 * Provides sessions with the options of the environment, read with Effect's `Config`: `SESSION_PROVIDER` names the
 * backend (`memory` by default), `SESSION_URL` is its address, and the other variables are those of `SessionConfig`
 * (`docs/configuration.md` lists them all). Fails with a `ConfigError` if a variable is wrong, begins with `SESSION_`
 * and is unknown, or is of another backend while `SESSION_PROVIDER` is not set. A backend's module and driver are loaded
 * only if it is chosen.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.fromConfig({ session: { idleTimeout: "15 minutes" } })
 *
 * @since 3.0.0
 * @category layers
 */
export const fromConfig = (
  options: FromConfigOptions = {}
): Layer.Layer<SessionManager.SessionManager, SessionError | Config.ConfigError> =>
  Layer.unwrap(
    checked(
      { ignore: "optional", providers: "optional", session: "optional", wrap: "optional" },
      options,
      ({ ignore = [], providers = {}, session = {}, wrap }) =>
        Effect.map(Effect.andThen(checkVariables(ignore), chosen(provider, providers, ignore, wrap)), (backend) =>
          compose(configOf(session), backend)
        )
    )
  )
