/**
 * The SQL of another library's table of sessions, in MySQL and PostgreSQL. Names are quoted, and all values are
 * parameters.
 */
import { pageSize } from "../sql/statements.js"

/** The databases in which other libraries have such a table. */
export type Dialect = "mysql" | "postgres"

/** How many rows the garbage collection looks at in one statement, and the most that it removes. */
export const gcPage = 500

/** A library's table, as its statements see it: the names of columns, and expressions. */
export interface Form {
  /** The quoted name of the table. */
  readonly table: string
  readonly id: string
  readonly data: string
  readonly expiry: string
  /** An id as it is listed, if that is not the column. */
  readonly listed?: string | undefined
  /** A session as it is read, if that is not the column. */
  readonly payload?: string | undefined
  /** The revision of a session. */
  readonly hash: string
  /** Whether a write returns the revision of what it stored, which may be another text than it was given. */
  readonly rewrites?: boolean | undefined
  /** The rest of a session's lifetime, in milliseconds. */
  readonly remaining: string
  /** What is stored for a lifetime in milliseconds, which is its one parameter. */
  readonly time: string
  /** Whether a session with this expiry lives. */
  readonly live: (expiry: string) => string
}

/** A query that fails if the table is missing. */
export const look = (table: string): string => `SELECT 1 FROM ${table} LIMIT 1`

/** The statements, by what they do. */
export type Statements = ReturnType<typeof statements>

/** Replaces the question marks of a statement with the dialect's parameters. */
const withParameters = (dialect: Dialect, text: string): string => {
  let at = 0
  return dialect === "postgres" ? text.replaceAll("?", () => `$${++at}`) : text
}

/**
 * The statements. A `lifetime` is in milliseconds. All times are by the server's clock: other libraries' own times are by
 * that of their app, but a wrong clock of this process changes nothing. A key is two parameters in MySQL, whose index may
 * ignore letter case.
 */
export const statements = (dialect: Dialect, form: Form) => {
  const { data, expiry, hash, id, listed = id, payload = data, table, time } = form
  const sql = (text: string): string => withParameters(dialect, text)
  const key = dialect === "mysql" ? `${id} = ? AND CAST(${id} AS BINARY) = ?` : `${id} = ?`
  const live = form.live(expiry)
  const insert = `(${id}, ${data}, ${expiry}) VALUES (?, ?, ${time})`
  const returning = form.rewrites ? ` RETURNING ${hash} AS revision` : ""
  return {
    /** key */
    get: sql(`SELECT ${payload} AS data, ${form.remaining} AS remaining FROM ${table} WHERE ${key} AND ${live}`),
    /** key (once), data, lifetime. On MySQL it fails if the key is there, live or not. */
    add: sql(
      dialect === "mysql"
        ? `INSERT INTO ${table} ${insert}`
        : `INSERT INTO ${table} AS stale ${insert} ON CONFLICT (${id}) DO UPDATE SET ${data} = excluded.${data}, ${expiry} = excluded.${expiry} WHERE NOT (${form.live(`stale.${expiry}`)})${returning}`
    ),
    /** key */
    removeExpired: sql(`DELETE FROM ${table} WHERE ${key} AND NOT (${live})`),
    /** data, lifetime, key, hash */
    replace: sql(
      `UPDATE ${table} SET ${data} = ?, ${expiry} = ${time} WHERE ${key} AND ${hash} = ? AND ${live}${returning}`
    ),
    /** lifetime, key */
    touch: sql(`UPDATE ${table} SET ${expiry} = ${time} WHERE ${key} AND ${live}`),
    /** key, hash */
    removeAt: sql(`DELETE FROM ${table} WHERE ${key} AND ${hash} = ? AND ${live}`),
    /** key */
    remove: sql(`DELETE FROM ${table} WHERE ${key}`),
    count: sql(`SELECT COUNT(*) AS sessions FROM ${table} WHERE ${live}`),
    /** the last key of the page before */
    ids: sql(`SELECT ${listed} AS id FROM ${table} WHERE ${id} > ? AND ${live} ORDER BY ${id} LIMIT ${pageSize}`),
    /** the last key of the page before. Returns the last key of the next page, if that one is full. */
    gcPageEnd: sql(`SELECT ${listed} AS id FROM ${table} WHERE ${id} > ? ORDER BY ${id} LIMIT 1 OFFSET ${gcPage - 1}`),
    /** the last key of the page before, that of this one */
    gcPage: sql(`DELETE FROM ${table} WHERE ${id} > ? AND ${id} <= ? AND NOT (${live})`),
    /** the last key of the page before */
    gcLastPage: sql(`DELETE FROM ${table} WHERE ${id} > ? AND NOT (${live})`)
  }
}
