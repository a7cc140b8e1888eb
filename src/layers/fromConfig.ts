/**
 * The backend and all options, chosen when the app starts.
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SessionConfig from "../Manager/SessionConfig.js"
import * as SessionManager from "../Manager/SessionManager.js"
import type { SessionError } from "../SessionError.js"
import { backends, named, type ProviderLayer } from "./backends.js"
import { lazy } from "./lazy.js"

/** The variable of an option: `cookie.sameSite` is `SESSION_COOKIE_SAME_SITE`. */
const variable = (path: ReadonlyArray<string>): string =>
  ["session", ...path].map((part) => part.replace(/[A-Z]/g, "_$&").toUpperCase()).join("_")

const fields = <A>(config: (name: string) => Config.Config<A>, ...paths: ReadonlyArray<ReadonlyArray<string>>) =>
  paths.map((path) => Config.map(Config.option(config(variable(path))), (value) => ({ path, value })))

/** Durations and choices stay text: the Schema of the options reads them, and names what it accepts. */
const variables = Config.all([
  ...fields(
    Config.nonEmptyString,
    ["idleTimeout"],
    ["absoluteTimeout"],
    ["touchEvery"],
    ["gcInterval"],
    ["timeout"],
    ["whenNotSaved"],
    ["id", "prefix"],
    ["id", "encoding"],
    ["cookie", "name"],
    ["cookie", "domain"],
    ["cookie", "path"],
    ["cookie", "sameSite"],
    ["cookie", "maxAge"],
    ["header"],
    ["query"]
  ),
  ...fields<string | number | boolean>(
    (name) => Config.orElse(Config.boolean(name), () => Config.nonEmptyString(name)),
    ["id", "hashed"]
  ),
  ...fields<string | number | boolean>(Config.integer, ["maxBytes"], ["id", "bytes"]),
  ...fields<string | number | boolean>(
    Config.boolean,
    ["keepOnServerError"],
    ["cookie"],
    ["cookie", "secure"],
    ["cookie", "httpOnly"],
    ["cookie", "partitioned"],
    ["cookie", "sent"]
  )
])

/** The options that are set, as the nested object that a user would write. */
const options: Config.Config<SessionConfig.Options> = Config.map(variables, (entries) => {
  const result: Record<string, any> = {}
  for (const { path, value } of entries) {
    if (Option.isNone(value)) {
      continue
    }
    const [group = "", name] = path
    if (name !== undefined) {
      if (result[group] !== false) {
        result[group] = { ...result[group], [name]: value.value }
      }
    } else if (group !== "cookie" || value.value === false) {
      // `SESSION_COOKIE=true` is what it is anyway.
      result[group] = value.value
    }
  }
  return result
})

const chosen = (own: Readonly<Record<string, ProviderLayer>> | undefined) =>
  Config.withDefault(named("SESSION_PROVIDER", own), backends["memory"]!)

/**
 * Sessions as the environment says, read with Effect's `Config`: `SESSION_PROVIDER` names the backend (`memory` by default),
 * `SESSION_URL` its address, and the other variables are those of `SessionConfig` (`docs/configuration.md` has them all). A driver is
 * loaded only when its backend is chosen. `providers` adds backends of your own by name.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.fromConfig()
 *
 * @since 0.1.0
 * @category layers
 */
export const fromConfig = (options_?: {
  readonly providers?: Readonly<Record<string, ProviderLayer>> | undefined
}): Layer.Layer<SessionManager.SessionManager, SessionError | ConfigError.ConfigError> =>
  Layer.provide(
    SessionManager.layer(Effect.flatMap(options, (options) => SessionConfig.make(options, variable))),
    Layer.unwrapEffect(Effect.map(chosen(options_?.providers), (load) => lazy("SESSION_PROVIDER", load)))
  )
