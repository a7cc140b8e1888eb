/**
 * Sessions in MySQL or MariaDB on a pool of their own.
 */
import { connector } from "./mysqlLine.js"
import { onPool } from "./pool.js"

export const onMysql = onPool("mysql", ["mysql:", "mariadb:"], connector)
