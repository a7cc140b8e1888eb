/**
 * Sessions in MySQL or MariaDB on a pool of their own.
 */
import * as Effect from "#effect/Effect"
import { driver } from "../internal/driver.js"
import { onPool } from "./pool.js"

export const onMysql = onPool(
  "mysql",
  ["mysql:", "mariadb:"],
  Effect.map(driver("mysql", "@effect/sql-mysql2"), ({ MysqlClient }) => MysqlClient.layer)
)
