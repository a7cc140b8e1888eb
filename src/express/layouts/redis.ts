/**
 * The layout of connect-redis: a session is a string under a prefix and its id, which Redis expires.
 */
import type * as Layer from "#effect/Layer"
import * as ForeignRedis from "../../Provider/foreign/redis.js"
import type { SessionProvider } from "../../Provider/Provider.js"
import type { SessionError } from "../../SessionError.js"
import { endOf } from "../records.js"

/**
 * Provides sessions in Redis as connect-redis does. Fails with `Unavailable` if there is no connection, and with
 * `InvalidConfig` if an option is wrong.
 */
export const layer = ({
  prefix = "sess:",
  ...options
}: ForeignRedis.Options & { readonly prefix?: string | undefined }): Layer.Layer<SessionProvider, SessionError> =>
  ForeignRedis.layer(options, prefix, endOf)
