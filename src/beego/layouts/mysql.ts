/**
 * beego's `mysql` provider: the table `session` in MySQL or MariaDB.
 */
import type * as Layer from "#effect/Layer"
import type { SessionProvider } from "../../Provider/Provider.js"
import { onMysql } from "../../Provider/sql/onMysql.js"
import type { PoolOptions } from "../../Provider/sql/pool.js"
import type { SessionError } from "../../SessionError.js"
import * as BeegoSql from "./sql.js"

export interface Options extends BeegoSql.Options, PoolOptions {}

/**
 * Provides sessions in beego's table. Fails with `Unavailable` if the server cannot be reached or the table cannot be
 * created, and with `InvalidConfig` if an option is wrong. The limit of a session is that of the column `session_data`:
 * 64 KB in beego's table, more if it was created as a `mediumblob`.
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  onMysql(options, (access) => BeegoSql.make(access, "mysql", { ...options, timeZone: "UTC" }))
