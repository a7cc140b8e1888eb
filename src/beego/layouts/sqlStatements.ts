/**
 * The SQL of beego's session table, per dialect: its statements and its definition. Names are quoted, and all values
 * are parameters.
 */
import { clock, names, pageSize } from "../../Provider/sql/statements.js"
import { last } from "./lastWrite.js"

/** The databases in which beego can have the table. */
export type Dialect = "mysql" | "postgres"

/** How many rows the garbage collection looks at in one statement, and the most that it removes. */
export const gcPage = 500

/**
 * beego's own definition, except that InnoDB replaces MyISAM, which a crash can break, and a binary collation replaces
 * one that ignores letter case.
 */
export const ddl = (dialect: Dialect, name: string): string => {
  const { table } = names(dialect, { table: name })
  return dialect === "mysql"
    ? `CREATE TABLE IF NOT EXISTS ${table} (
  session_key char(64) NOT NULL,
  session_data blob,
  session_expiry int(11) unsigned NOT NULL,
  PRIMARY KEY (session_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin`
    : `CREATE TABLE IF NOT EXISTS ${table} (
  session_key char(64) NOT NULL,
  session_data bytea,
  session_expiry timestamp NOT NULL,
  CONSTRAINT ${names(dialect, { table: `${name}_key` }).table} PRIMARY KEY (session_key)
)`
}

/** A query that fails if the table is missing. */
export const look = (dialect: Dialect, name: string): string =>
  `SELECT 1 FROM ${names(dialect, { table: name }).table} LIMIT 1`

/** Replaces the question marks of a statement with the dialect's parameters. */
const withParameters = (dialect: Dialect, text: string): string => {
  let at = 0
  return dialect === "postgres" ? text.replaceAll("?", () => `$${++at}`) : text
}

/**
 * The statements. A `lifetime` is in milliseconds. All times are by the server's clock: beego's own times are by the Go
 * app's, but a wrong clock of this process changes nothing. A key is two parameters in MySQL, whose index may ignore
 * letter case.
 *
 * @param timeZone The name of the zone whose local time PostgreSQL's column holds; it needs no quoting.
 * @param maxLifetime In milliseconds: a session lives for so long after the time in its row.
 */
export const statements = (dialect: Dialect, name: string, timeZone: string, maxLifetime: number) => {
  const { table } = names(dialect, { table: name })
  const sql = (text: string): string => withParameters(dialect, text)
  const d = {
    mysql: {
      key: "session_key = ? AND CAST(session_key AS BINARY) = ?",
      id: "session_key",
      hash: "SHA1(COALESCE(session_data, ''))",
      remaining: `(CAST(session_expiry AS SIGNED) + 1) * 1000 + ${maxLifetime} - ${clock.mysql}`,
      time: `GREATEST(0, LEAST(CEILING((${clock.mysql} + ? - ${maxLifetime}) / 1000) - 1, ${last}))`,
      live: `session_expiry > (${clock.mysql} - ${maxLifetime}) DIV 1000 - 1`
    },
    postgres: {
      key: "session_key = ?",
      // CHAR is padded with blanks.
      id: "RTRIM(session_key)",
      hash: "ENCODE(SHA256(COALESCE(session_data, '')), 'hex')",
      remaining: `EXTRACT(EPOCH FROM (session_expiry AT TIME ZONE '${timeZone}') - statement_timestamp()) * 1000 + ${maxLifetime}`,
      time: `LEAST(statement_timestamp() + (?::float8 - ${maxLifetime}) * INTERVAL '1 millisecond', TO_TIMESTAMP(${last})) AT TIME ZONE '${timeZone}'`,
      live: `session_expiry AT TIME ZONE '${timeZone}' > statement_timestamp() - ${maxLifetime} * INTERVAL '1 millisecond'`
    }
  }[dialect]
  const insert = `(session_key, session_data, session_expiry) VALUES (?, ?, ${d.time})`
  return {
    /** key */
    get: sql(`SELECT session_data AS data, ${d.remaining} AS remaining FROM ${table} WHERE ${d.key} AND ${d.live}`),
    /** key (once), data, lifetime. On MySQL it fails if the key is there, live or not. */
    add: sql(
      dialect === "mysql"
        ? `INSERT INTO ${table} ${insert}`
        : `INSERT INTO ${table} AS stale ${insert} ON CONFLICT (session_key) DO UPDATE SET session_data = excluded.session_data, session_expiry = excluded.session_expiry WHERE NOT (${d.live.replace("session_expiry", "stale.session_expiry")})`
    ),
    /** key */
    removeExpired: sql(`DELETE FROM ${table} WHERE ${d.key} AND NOT (${d.live})`),
    /** data, lifetime, key, hash */
    replace: sql(
      `UPDATE ${table} SET session_data = ?, session_expiry = ${d.time} WHERE ${d.key} AND ${d.hash} = ? AND ${d.live}`
    ),
    /** lifetime, key */
    touch: sql(`UPDATE ${table} SET session_expiry = ${d.time} WHERE ${d.key} AND ${d.live}`),
    /** key, hash */
    removeAt: sql(`DELETE FROM ${table} WHERE ${d.key} AND ${d.hash} = ? AND ${d.live}`),
    /** key */
    remove: sql(`DELETE FROM ${table} WHERE ${d.key}`),
    count: sql(`SELECT COUNT(*) AS sessions FROM ${table} WHERE ${d.live}`),
    /** the last key of the page before */
    ids: sql(
      `SELECT ${d.id} AS id FROM ${table} WHERE session_key > ? AND ${d.live} ORDER BY session_key LIMIT ${pageSize}`
    ),
    /** the last key of the page before. Returns the last key of the next page, if that one is full. */
    gcPageEnd: sql(
      `SELECT ${d.id} AS id FROM ${table} WHERE session_key > ? ORDER BY session_key LIMIT 1 OFFSET ${gcPage - 1}`
    ),
    /** the last key of the page before, that of this one */
    gcPage: sql(`DELETE FROM ${table} WHERE session_key > ? AND session_key <= ? AND NOT (${d.live})`),
    /** the last key of the page before */
    gcLastPage: sql(`DELETE FROM ${table} WHERE session_key > ? AND NOT (${d.live})`)
  }
}
