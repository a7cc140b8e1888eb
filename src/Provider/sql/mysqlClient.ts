/**
 * Sessions in MySQL or MariaDB on a pool of their own.
 */
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import { onPool } from "./pool.js"

export const onMysql = onPool("mysql", ["mysql:", "mariadb:"], MysqlClient.layer)
