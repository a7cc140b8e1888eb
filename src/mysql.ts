/**
 * Sessions in MySQL or MariaDB.
 *
 * @since 0.1.0
 */
export * from "./Provider/Mysql.js"
