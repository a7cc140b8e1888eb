/**
 * Sessions that move to another backend, or from another library's layout, one by one, while their users are signed in.
 */
import { once } from "#dialect/layer"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { type Manager, overOtherLayout, overOwnLayout } from "../Manager/Manager.js"
import * as SessionConfig from "../Manager/SessionConfig.js"
import { layerOf, type SessionManager } from "../Manager/SessionManager.js"
import { checked } from "../Provider/internal/options.js"
import { type Provider, SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import type { Any } from "../Store/SessionStore.js"
import { inPlace } from "./compose.js"

/**
 * Where sessions come from, and where they move to. Without `codec` and `stores` they are this library's own at both places.
 *
 * @since 3.0.0
 * @category models
 */
export interface MovingOptions<E = never, R = never, E2 = never, R2 = never> {
  /** The provider that has the sessions: `Redis.layer`, `Express.redis`, `Beego.provider` and so on. */
  readonly from: Layer.Layer<SessionProvider, E, R>
  /** The provider that is to have them, as `SessionLayer.make` would keep them. A place of its own: another server, prefix or table. */
  readonly to: Layer.Layer<SessionProvider, E2, R2>
  /** The format of another library's sessions: `Express.codec`, `Beego.codec`. Goes with `stores`. */
  readonly codec?: SessionCodec | undefined
  /**
   * The stores whose values are carried over from another library's format. All others are left behind, and reported as
   * `Dropped`. Goes with `codec`.
   */
  readonly stores?: ReadonlyArray<Any> | undefined
  /**
   * Whether another library's sessions are under the hashes of their ids at `from`, as an `ExpressStore` keeps them by default.
   * Default false. If the backend can list its sessions and they look otherwise, the layer fails with `InvalidConfig`, unless
   * this is set to `false`.
   */
  readonly hashed?: boolean | undefined
}

/**
 * Moves sessions from one provider to another without signing anyone out: each is found at its old place, and moves with the first
 * request that reads it. It keeps its id and its cookie. Sessions that begin meanwhile begin at the new place. A visitor
 * without a session costs two more reads.
 *
 * Sessions of this library's own, and the lists of people's sessions, move as they are; `effect-session copy --move` takes those
 * whose users have not visited since. Those of an app on express, fastify or beego are converted: with `codec` and `stores`, the values
 * of these stores become JSON, and `absoluteTimeout` begins when a session moves. Without `cookie.secrets`, the option `id`
 * says which form their ids have at both places.
 *
 * All processes have to change over: one that knows the old place alone does not find a session that has moved.
 *
 * Fails with `InvalidConfig` if an option is wrong, or if the provider `to` keeps no marks of sessions that have ended, and
 * with the errors of both providers.
 *
 * @example
 * import { Redacted, Schema } from "effect"
 * import { SessionLayer, SessionStore } from "effect-session"
 * import * as Express from "effect-session/express"
 * import * as Postgres from "effect-session/postgres"
 * import * as Redis from "effect-session/redis"
 *
 * const url = "redis://127.0.0.1:6379"
 *
 * const ToPostgres = SessionLayer.moving({
 *   from: Redis.layer({ url }),
 *   to: Postgres.layer({ url: "postgres://127.0.0.1/app" })
 * })
 *
 * class Visitor extends SessionStore.Tag<Visitor>()("Visitor", { visits: Schema.Int }) {}
 *
 * const FromExpress = SessionLayer.moving(
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
                    Effect.provide(over(config, Context.get(old, SessionProvider), { codec, hashed, stores }), context)
                  )
                )
              )
            )
          )
      )
    )
  )

const names = { from: "required", to: "required", codec: "optional", stores: "optional", hashed: "optional" } as const

/** The manager over the provider in the context and this one. */
const over = (
  config: SessionConfig.SessionConfig,
  provider: Provider,
  { codec, hashed, stores }: Pick<MovingOptions, "codec" | "hashed" | "stores">
): Effect.Effect<Manager, SessionError, SessionProvider> =>
  codec !== undefined && stores !== undefined
    ? overOtherLayout(config, { provider, codec, stores, hashed })
    : codec === undefined && stores === undefined && hashed === undefined
      ? overOwnLayout(config, provider)
      : new SessionError({
          reason: "InvalidConfig",
          message:
            "codec, stores: another library's sessions need both; leave both and hashed out to move sessions of this library's own"
        })
