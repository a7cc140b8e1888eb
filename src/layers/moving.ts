/**
 * Sessions that move from another library's layout to this library's own, one by one, while their users are signed in.
 */
import { once } from "#dialect/layer"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { overBoth } from "../Manager/Manager.js"
import * as SessionConfig from "../Manager/SessionConfig.js"
import { layerOf, type SessionManager } from "../Manager/SessionManager.js"
import { checked } from "../Provider/internal/options.js"
import { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import type { Any } from "../Store/SessionStore.js"
import { inPlace } from "./compose.js"

/**
 * Where sessions come from, and where they move to.
 *
 * @since 3.0.0
 * @category models
 */
export interface MovingOptions<E = never, R = never, E2 = never, R2 = never> {
  /** The provider that has the sessions: `Express.redis`, `Beego.provider` and so on. */
  readonly from: Layer.Layer<SessionProvider, E, R>
  /** The format of its sessions: `Express.codec`, `Beego.codec`. */
  readonly codec: SessionCodec
  /** The provider that is to have them, under the hashes of their ids, as JSON. A place of its own: another prefix or table. */
  readonly to: Layer.Layer<SessionProvider, E2, R2>
  /** The stores whose values are carried over. All others are left behind, and reported as `Dropped`. */
  readonly stores: ReadonlyArray<Any>
  /**
   * Whether `from` has the sessions under the hashes of their ids, as an `ExpressStore` keeps them by default. Default false. If the
   * backend can list its sessions and they look otherwise, the layer fails with `InvalidConfig`, unless this is set to `false`.
   */
  readonly hashed?: boolean | undefined
}

/**
 * Moves the sessions of an app on express, fastify or beego to this library's own layout, without signing anyone out. Each is
 * found at its old place, and moves with the first request that reads it: the values of `stores` are converted to
 * JSON, and it is removed at its old place. It keeps its id and its cookie; its `absoluteTimeout` begins when it moves.
 * Sessions that begin meanwhile begin at the new place.
 *
 * The other app must be gone: it does not find a session that has moved. Without `cookie.secrets`, the option `id` says which form
 * ids have at both places. A visitor without a session costs two more reads.
 *
 * Fails with `InvalidConfig` if an option is wrong, or if the provider `to` keeps no marks of sessions that have ended, and
 * with the errors of both providers.
 *
 * @example
 * import { Redacted, Schema } from "effect"
 * import { SessionLayer, SessionStore } from "effect-session"
 * import * as Express from "effect-session/express"
 * import * as Redis from "effect-session/redis"
 *
 * class Visitor extends SessionStore.Tag<Visitor>()("Visitor", { visits: Schema.Int }) {}
 *
 * const url = "redis://127.0.0.1:6379"
 *
 * const SessionLive = SessionLayer.moving(
 *   { from: Express.redis({ url }), codec: Express.codec, to: Redis.layer({ url }), stores: [Visitor] },
 *   {
 *     idleTimeout: "14 days",
 *     absoluteTimeout: "90 days",
 *     cookie: { name: "connect.sid", maxAge: "14 days", secrets: [Redacted.make("keyboard cat")] }
 *   }
 * )
 *
 * @since 3.0.0
 * @category layers
 */
export const moving = <E, R, E2, R2>(
  places: MovingOptions<E, R, E2, R2>,
  options: SessionConfig.Options = {}
): Layer.Layer<SessionManager, E | E2 | SessionError, R | R2> =>
  once(
    Layer.unwrap(
      Effect.flatMap(
        Effect.andThen(inPlace(places), Effect.tap(SessionConfig.make(options), SessionConfig.warn)),
        (config) =>
          checked(names, places, ({ codec, from, hashed, stores, to }) =>
            Effect.succeed(
              Layer.flatMap(from, (old) =>
                Layer.flatMap(to, (context) =>
                  layerOf(
                    Effect.provide(
                      overBoth(config, { provider: Context.get(old, SessionProvider), codec, stores, hashed }),
                      context
                    )
                  )
                )
              )
            )
          )
      )
    )
  )

const names = { from: "required", codec: "required", to: "required", stores: "required", hashed: "optional" } as const
