/**
 * A manager on the service that keeps its sessions: a provider, or sealed cookies.
 */
import { once } from "#dialect/layer"
import { namesOf } from "#dialect/schema"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { type Manager, overProvider, overSealed } from "../Manager/Manager.js"
import * as SessionConfig from "../Manager/SessionConfig.js"
import { layerOf, type SessionManager } from "../Manager/SessionManager.js"
import { SealedSessions } from "../Provider/cookie/SealedSessions.js"
import type { SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"

/** The service that keeps the sessions. */
export type Backend<E = never, R = never> = Layer.Layer<SessionProvider, E, R> | Layer.Layer<SealedSessions, E, R>

/** Makes a manager over the service in a context. */
export const managerIn = (
  context: Context.Context<SessionProvider | SealedSessions>,
  config: SessionConfig.SessionConfig,
  codec?: SessionCodec
): Effect.Effect<Manager, SessionError> => {
  const isSealed = Option.isSome(Context.getOption(context, SealedSessions))
  const manager: Effect.Effect<Manager, SessionError, SessionProvider | SealedSessions> = isSealed
    ? overSealed(config, codec)
    : overProvider(config, codec)
  return Effect.provide(manager, context)
}

/**
 * Makes a manager, one for all places of an app where the layer is provided. Options are checked first, so that a wrong one is
 * reported without connecting to anything.
 */
export const compose = <E, R, EConfig>(
  config: Effect.Effect<SessionConfig.SessionConfig, EConfig>,
  backend: Backend<E, R>,
  codec?: SessionCodec
): Layer.Layer<SessionManager, E | EConfig | SessionError, R> =>
  once(
    Layer.unwrap(
      Effect.map(Effect.tap(config, SessionConfig.warn), (config) =>
        Layer.flatMap(backend as Layer.Layer<SessionProvider | SealedSessions, E, R>, (context) =>
          layerOf(managerIn(context, config, codec))
        )
      )
    )
  )

const sessionNames = namesOf(SessionConfig.SessionConfig)

/** Fails if an option of the session is among those of the backend. `shared` are the options that both have. */
export const inPlace = (backend: object, shared: ReadonlyArray<string> = []): Effect.Effect<void, SessionError> => {
  const misplaced = Object.keys(backend).filter((name) => sessionNames.includes(name) && !shared.includes(name))
  return misplaced.length === 0
    ? Effect.void
    : new SessionError({
        reason: "InvalidConfig",
        message: misplaced
          .map((name) => `${name} is an option of the session: pass it in the second argument`)
          .join("; ")
      })
}

/** Makes a manager on a backend with options of its own. */
export const composeApart = <E, R>(
  backend: object,
  layer: Backend<E, R>,
  session: SessionConfig.Options,
  shared: ReadonlyArray<string> = []
): Layer.Layer<SessionManager, E | SessionError, R> =>
  compose(Effect.andThen(inPlace(backend, shared), SessionConfig.make(session)), layer)
