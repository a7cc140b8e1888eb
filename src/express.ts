/**
 * Sessions shared with an app on express-session or @fastify/session.
 *
 * @since 3.0.0
 */
import "#dialect/effect@4-needs-effect-session@latest--effect@3-needs-effect-session@effect3"

export { codec } from "./express/codec.js"
export { layer, type Options } from "./express/layer.js"
export { passport } from "./express/passport.js"
export {
  mysql,
  postgres,
  type RedisOptions,
  type RedisSentinelOptions,
  redis,
  redisCluster,
  redisSentinel,
  type SqlOptions
} from "./express/providers.js"
