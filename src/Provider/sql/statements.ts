/**
 * The SQL of the tables: their statements and their definition, per dialect. Built once per provider; names are
 * quoted, and all values are parameters.
 */
import { createHash } from "node:crypto"
import { never } from "../internal/time.js"

/** The databases that can hold the table. */
export type Dialect = "mysql" | "postgres" | "sqlite"

/** The name of the table, and its schema. */
export interface TableName {
  readonly table: string
  readonly schema?: string | undefined
}

/** The table of the records of people, which has the form of that of the sessions. */
export const peopleOf = ({ schema, table }: TableName): TableName => ({ table: `${table}_principals`, schema })

/**
 * How many rows one statement of the garbage collection removes. SQLite runs it in the app's own thread, which waits
 * for it.
 */
export const batchSize = { mysql: 200, postgres: 500, sqlite: 20 }

/** How many ids one page of a listing holds. */
export const pageSize = 1000

const quote = (dialect: Dialect, name: string): string =>
  dialect === "mysql" ? `\`${name.replaceAll("`", "``")}\`` : `"${name.replaceAll('"', '""')}"`

const qualified = (dialect: Dialect, schema: string | undefined, name: string): string =>
  schema === undefined ? quote(dialect, name) : `${quote(dialect, schema)}.${quote(dialect, name)}`

const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest()

/** The names of the provider's objects in the database. */
export const names = (dialect: Dialect, { schema, table }: TableName) => ({
  table: qualified(dialect, schema, table),
  migrations: qualified(dialect, schema, `${table}_migrations`)
})

/**
 * The name of a lock. PostgreSQL's locks have a number per database; those of MySQL have a name per server, of at most
 * 64 characters.
 */
export const lockOf = (dialect: Dialect, purpose: string, { schema, table }: TableName): string => {
  const hash = hashOf(JSON.stringify([purpose, schema, table]))
  return dialect === "postgres"
    ? String(hash.readBigInt64BE())
    : `CONCAT('effect_session.', MD5(CONCAT('${hash.toString("hex")}', DATABASE())))`
}

/** Creates a table. An index lives in its table's schema, which only SQLite needs to be told. */
const creation = (dialect: Dialect, name: TableName, indexName: string): ReadonlyArray<string> => {
  const { table } = names(dialect, name)
  const index = qualified(dialect, dialect === "sqlite" ? name.schema : undefined, indexName)
  const types = {
    mysql: { id: "BINARY(32)", payload: "LONGBLOB", integer: "BIGINT" },
    postgres: { id: "BYTEA", payload: "BYTEA", integer: "BIGINT" },
    sqlite: { id: "BLOB", payload: "BLOB", integer: "INTEGER" }
  }[dialect]
  const columns = `
  id ${types.id} NOT NULL PRIMARY KEY,
  payload ${types.payload} NOT NULL,
  version ${types.integer} NOT NULL,
  created_at ${types.integer} NOT NULL,
  expires_at ${types.integer} NOT NULL`
  return dialect === "mysql"
    ? [`CREATE TABLE IF NOT EXISTS ${table} (${columns},\n  INDEX ${index} (expires_at)\n) ENGINE=InnoDB`]
    : [
        `CREATE TABLE IF NOT EXISTS ${table} (${columns}\n)`,
        `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (expires_at)`
      ]
}

/** The steps that create the tables. A step that was released never changes: the next one alters what it made. */
export const migrations = (dialect: Dialect, name: TableName): ReadonlyArray<ReadonlyArray<string>> => {
  const people = peopleOf(name)
  return [
    creation(dialect, name, `${name.table}_expires_at`),
    // A name of an index has 63 bytes at most, and PostgreSQL cuts a longer one.
    creation(dialect, people, `${people.table}_end`)
  ]
}

/** The statements for the table of the steps that were taken. */
export const migrationStatements = (dialect: Dialect, name: TableName) => {
  const { migrations } = names(dialect, name)
  const integer = dialect === "sqlite" ? "INTEGER" : "BIGINT"
  return {
    create: `CREATE TABLE IF NOT EXISTS ${migrations} (\n  step ${integer} NOT NULL PRIMARY KEY\n)`,
    last: `SELECT MAX(step) AS step FROM ${migrations}`,
    /** Nothing if it is recorded. */
    record: (step: number) =>
      dialect === "mysql"
        ? `INSERT IGNORE INTO ${migrations} (step) VALUES (${step})`
        : `INSERT INTO ${migrations} (step) VALUES (${step}) ON CONFLICT DO NOTHING`
  }
}

/** Finds nothing, and fails if the table is missing. */
export const look = (dialect: Dialect, name: TableName): string =>
  `SELECT 1 FROM ${names(dialect, name).table} WHERE expires_at = 0`

/** The values of a statement's parameters. */
export interface Values {
  readonly id: Buffer
  readonly newId: Buffer
  readonly payload: Buffer
  /** The version that a write replaces, and the one that it makes. */
  readonly version: number
  readonly next: number
  /** Lifetimes in milliseconds, of a session and of a mark. */
  readonly ttl: number
  readonly markTtl: number
  readonly mark: Buffer
  /** The last id of the page before. */
  readonly last: Buffer
  /** SQLite's time, which is the app's. The other databases have a clock of their own. */
  readonly now: number
}

/** A statement, and what its parameters stand for, in their order. */
export interface Statement {
  readonly text: string
  readonly parameters: ReadonlyArray<keyof Values>
}

/**
 * The time by the clock that all processes share: that of the server, in milliseconds since the epoch. It is the same in
 * all of a statement, so that an index on times can be used, and in every time zone.
 */
export const clock = {
  mysql: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)",
  postgres: "(DATE_PART('epoch', statement_timestamp()) * 1000)::bigint",
  sqlite: ":now"
}

/** Puts the dialect's parameters in the place of `:name`. PostgreSQL numbers them, and takes each only once. */
const compile = (dialect: Dialect, template: string): Statement => {
  const parameters: Array<keyof Values> = []
  const text = template.replaceAll(/(?<!:):([a-z]\w*)/gi, (_, name: keyof Values) => {
    const known = parameters.indexOf(name)
    if (dialect === "postgres" && known >= 0) {
      return `$${known + 1}`
    }
    parameters.push(name)
    return dialect === "postgres" ? `$${parameters.length}` : "?"
  })
  return { text, parameters }
}

/** A row whose expiry is negative is a mark: its payload is the content, and the absolute value is its expiry. */
const isSession = "expires_at > 0"

/**
 * All statements on sessions. Each has the condition that the session is live, which no mark meets. So an expired
 * session is gone at once, and nothing that is gone comes back.
 */
export const statements = (dialect: Dialect, name: TableName) => {
  const { table } = names(dialect, name)
  const sql = (template: string): Statement =>
    compile(
      dialect,
      template.replaceAll("{table}", () => table)
    )
  const now = clock[dialect]
  const least = dialect === "sqlite" ? "MIN" : "LEAST"
  const expiry = `${least}(${now} + :ttl, ${never})`
  const markExpiry = `-${least}(${now} + :markTtl, ${never})`
  const isLive = `expires_at > ${now}`
  const oldest = `ORDER BY expires_at LIMIT ${batchSize[dialect]}`
  const collected = (expired: string): string =>
    ({
      mysql: `DELETE FROM {table} WHERE ${expired} ${oldest}`,
      // A row that another transaction holds is left for the next time.
      postgres: `DELETE FROM {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE ${expired} AND (SELECT pg_try_advisory_xact_lock(${lockOf(dialect, "gc", name)})) ${oldest} FOR UPDATE SKIP LOCKED))`,
      sqlite: `DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE ${expired} ${oldest})`
    })[dialect]
  return {
    read: sql(`SELECT payload, version, expires_at - ${now} AS remaining FROM {table} WHERE id = :id AND ${isLive}`),
    exists: sql(`SELECT 1 FROM {table} WHERE id = :id AND ${isLive}`),
    /** On MySQL it fails if the id is there, live or not. */
    create: sql(
      `INSERT INTO {table} ${dialect === "mysql" ? "" : "AS stale "}(id, payload, version, created_at, expires_at) VALUES (:id, :payload, :next, ${now}, ${expiry})${
        dialect === "mysql"
          ? ""
          : ` ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, version = excluded.version, created_at = excluded.created_at, expires_at = excluded.expires_at WHERE stale.expires_at <= ${now} AND stale.expires_at >= -${now}`
      }`
    ),
    write: sql(
      `UPDATE {table} SET payload = :payload, version = :next, expires_at = ${expiry} WHERE id = :id AND version = :version AND ${isLive}`
    ),
    touch: sql(`UPDATE {table} SET expires_at = ${expiry} WHERE id = :id AND ${isLive}`),
    destroy: sql(`DELETE FROM {table} WHERE id = :id AND ${isSession}`),
    mark: sql(`UPDATE {table} SET payload = :mark, expires_at = ${markExpiry} WHERE id = :id AND ${isLive}`),
    marked: sql(`SELECT payload FROM {table} WHERE id = :id AND expires_at < -${now}`),
    destroyExpired: sql(`DELETE FROM {table} WHERE id = :id AND expires_at <= ${now} AND expires_at >= -${now}`),
    regenerate: sql(
      `UPDATE {table} SET id = :newId, payload = :payload, version = :next, expires_at = ${expiry} WHERE id = :id AND version = :version AND ${isLive}`
    ),
    regenerateMarked: sql(moveAndMark(dialect, { expiry, markExpiry, isLive })),
    count: sql(`SELECT COUNT(*) AS sessions FROM {table} WHERE ${isLive}`),
    ids: sql(`SELECT id FROM {table} WHERE id > :last AND ${isLive} ORDER BY id LIMIT ${pageSize}`),
    /**
     * Removes the oldest expired sessions; on PostgreSQL none if another process is collecting, for which MySQL needs a
     * lock.
     */
    gc: sql(collected(`${isSession} AND expires_at <= ${now}`)),
    /** Removes the oldest expired marks, in the same way as gc. */
    gcMarks: sql(collected(`expires_at < 0 AND expires_at >= -${now}`))
  }
}

/**
 * The statement that stores the successor and turns the old row into a mark. It is one statement, so that others see
 * both changes or neither.
 *
 * PostgreSQL feeds the result of one statement into the other. The other databases insert two rows: the row with the
 * old id exists already and becomes the mark. If the new id is taken too, its row would get the old id, which is taken,
 * so the whole statement fails. Without FOR UPDATE, MySQL would read an old version of the row.
 */
const moveAndMark = (
  dialect: Dialect,
  { expiry, isLive, markExpiry }: { readonly expiry: string; readonly isLive: string; readonly markExpiry: string }
): string => {
  const columns = "(id, payload, version, created_at, expires_at)"
  if (dialect === "postgres") {
    return `WITH ended AS (UPDATE {table} SET payload = :mark, expires_at = ${markExpiry} WHERE id = :id AND version = :version AND ${isLive} RETURNING created_at) INSERT INTO {table} ${columns} SELECT :newId, :payload, :next, created_at, ${expiry} FROM ended`
  }
  const [newId, locked, taken] =
    dialect === "mysql"
      ? ["CAST(:newId AS BINARY(32))", " FOR UPDATE", "ON DUPLICATE KEY UPDATE"]
      : [":newId", "", "ON CONFLICT (id) DO UPDATE SET"]
  return `INSERT INTO {table} ${columns} SELECT CASE n WHEN 0 THEN ${newId} ELSE ended.id END, :payload, :next, ended.created_at, ${expiry} FROM {table} AS ended, (SELECT 0 AS n UNION ALL SELECT 1) AS twice WHERE ended.id = :id AND ended.version = :version AND ended.${isLive}${locked} ${taken} payload = :mark, expires_at = ${markExpiry}, id = :id`
}

/** Reads so many live sessions. PostgreSQL takes their ids as one array. */
export const readMany = (dialect: Dialect, name: TableName, count: number): string => {
  const ids = dialect === "postgres" ? "= ANY ($1)" : `IN (${Array.from({ length: count }, () => "?").join(", ")})`
  const now = clock[dialect]
  return `SELECT id, payload, version, expires_at - ${now} AS remaining FROM ${names(dialect, name).table} WHERE id ${ids} AND expires_at > ${now}`
}

/** The name of a prepared statement: a hash of its text, so that two tables in one pool do not collide. */
export const preparedName = (text: string): string => `effect_session_${hashOf(text).toString("hex", 0, 12)}`
