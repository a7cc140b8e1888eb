/**
 * beego's `redis`, `redis_cluster` and `redis_sentinel` providers: a session is a string under its id, without any
 * prefix, which Redis expires.
 */
import type * as Layer from "#effect/Layer"
import * as ForeignRedis from "../../Provider/foreign/redis.js"
import type { SessionProvider } from "../../Provider/Provider.js"
import type { SessionError } from "../../SessionError.js"

/**
 * Provides sessions in Redis as beego does. Fails with `Unavailable` if there is no connection, and with
 * `InvalidConfig` if an option is wrong.
 */
export const layer = (options: ForeignRedis.Options): Layer.Layer<SessionProvider, SessionError> =>
  ForeignRedis.layer(options, "")
