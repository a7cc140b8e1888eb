/**
 * The sessions that the environment names, as the app's own `fromConfig` finds them.
 */
import { said } from "#dialect/config"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { chosen } from "../layers/backends.js"
import { managerIn } from "../layers/compose.js"
import { configOf } from "../layers/fromConfig.js"
import { checkVariables, provider } from "../layers/variables.js"
import { SessionManager } from "../Manager/service.js"
import type { SealedSessions } from "../Provider/cookie/SealedSessions.js"
import type { SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"

export type Failure = SessionError | Config.ConfigError

const inTheApp = (why: string) =>
  new SessionError({
    reason: "InvalidConfig",
    message: `${provider}: ${why}: sessions in memory are in the app's own process, where no command can see them; name the app's backend, such as redis`
  })

/** The backend that the environment names, unless it is one that only the app sees. */
export const backend = Effect.gen(function* () {
  const name = yield* Config.option(Config.NonEmptyString(provider))
  if (name._tag === "None") {
    return yield* inTheApp("it is not set")
  }
  if (name.value === "memory") {
    return yield* inTheApp("memory")
  }
  // A variable that is unknown here may be one that the app tells `fromConfig` to ignore.
  yield* Effect.catch(checkVariables([]), (error) => Effect.logWarning(said(error)))
  return yield* chosen(provider, {}, [])
})

/**
 * The manager of these sessions. There is no trial session, and no fiber that removes expired ones: a command does what it
 * says, and no more.
 */
export const sessions: Layer.Layer<SessionManager, Failure> = Layer.unwrap(
  Effect.gen(function* () {
    const config = yield* configOf({})
    const layer = (yield* backend) as Layer.Layer<SessionProvider | SealedSessions, Failure>
    return Layer.flatMap(layer, (context) => Layer.effect(SessionManager, managerIn(context, config)))
  })
)
