/**
 * Sessions in MySQL or MariaDB on a pool of their own.
 */
import { clientOf } from "#dialect/mysqlClient"
import { onPool } from "./pool.js"

export const onMysql = onPool("mysql", ["mysql:", "mariadb:"], clientOf)
