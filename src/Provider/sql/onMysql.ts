/**
 * Sessions in MySQL or MariaDB on a pool of their own.
 */
import { connector } from "./mysqlLine.js"
import { onPool, poolOf } from "./pool.js"

export const openMysql = poolOf("mysql", ["mysql:", "mariadb:"], connector)

export const onMysql = onPool(openMysql)
