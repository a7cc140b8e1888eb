/**
 * beego's `mysql` provider: the table `session` in MySQL or MariaDB.
 */
import type * as Layer from "effect/Layer"
import type { SessionProvider } from "../../Provider/Provider.js"
import { onMysql } from "../../Provider/sql/mysqlClient.js"
import type { PoolOptions } from "../../Provider/sql/pool.js"
import type { SessionError } from "../../SessionError.js"
import * as BeegoSql from "./sql.js"

export interface Options extends BeegoSql.Options, PoolOptions {}

/**
 * Fails with `Unavailable` where the server cannot be reached or the table cannot be made, and with `InvalidConfig` where an option
 * is wrong. A session holds what the column `session_data` does: 64 KB in beego's table, more where it was made a `mediumblob`.
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  onMysql(options, (client) => BeegoSql.make(client, "mysql", { ...options, timeZone: "UTC" }))
