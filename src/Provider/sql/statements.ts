/**
 * The SQL of the session table: its statements and its definition, per dialect. Built once per provider; names are
 * quoted, and all values are parameters.
 */
import { createHash } from "node:crypto"

/** The databases that can hold the table. */
export type Dialect = "mysql" | "postgres" | "sqlite"

/** The name of the table, and its schema. */
export interface TableName {
  readonly table: string
  readonly schema?: string | undefined
}

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
  migrations: qualified(dialect, schema, `${table}_migrations`),
  /** An index lives in its table's schema, which only SQLite needs to be told. */
  index: qualified(dialect, dialect === "sqlite" ? schema : undefined, `${table}_expires_at`)
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

/** The steps that create the table. A step that was released never changes: the next one alters what it made. */
export const migrations = (dialect: Dialect, name: TableName): ReadonlyArray<ReadonlyArray<string>> => {
  const { index, table } = names(dialect, name)
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
  return [
    dialect === "mysql"
      ? [`CREATE TABLE IF NOT EXISTS ${table} (${columns},\n  INDEX ${index} (expires_at)\n) ENGINE=InnoDB`]
      : [
          `CREATE TABLE IF NOT EXISTS ${table} (${columns}\n)`,
          `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (expires_at)`
        ]
  ]
}

/** The statements for the table of the steps that were taken. */
export const migrationStatements = (dialect: Dialect, name: TableName) => {
  const { migrations } = names(dialect, name)
  const integer = dialect === "sqlite" ? "INTEGER" : "BIGINT"
  return {
    create: `CREATE TABLE IF NOT EXISTS ${migrations} (\n  step ${integer} NOT NULL PRIMARY KEY\n)`,
    last: `SELECT MAX(step) AS step FROM ${migrations}`,
    record: (step: number) => `INSERT INTO ${migrations} (step) VALUES (${step})`
  }
}

/** Replaces the question marks of a statement with the dialect's parameters. */
export const withParameters = (dialect: Dialect, text: string): string => {
  let at = 0
  return dialect === "postgres" ? text.replaceAll("?", () => `$${++at}`) : text
}

/** A row whose expiry is negative is a mark: its payload is the content, and the absolute value is its expiry. */
const isSession = "expires_at > 0"

/**
 * All statements on sessions. Each has the condition that the session is live, which no mark meets. So an expired
 * session is gone at once, and nothing that is gone comes back.
 */
export const statements = (dialect: Dialect, name: TableName) => {
  const { table } = names(dialect, name)
  const sql = (text: string): string => withParameters(dialect, text)
  const insert = `INSERT INTO ${table} ${dialect === "mysql" ? "" : "AS stale "}(id, payload, version, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`
  const oldest = `ORDER BY expires_at LIMIT ${batchSize[dialect]}`
  const collected = (expired: string): string =>
    ({
      mysql: `DELETE FROM ${table} WHERE ${expired} ${oldest}`,
      // A row that another transaction holds is left for the next time.
      postgres: `DELETE FROM ${table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM ${table} WHERE ${expired} AND (SELECT pg_try_advisory_xact_lock(${lockOf(dialect, "gc", name)})) ${oldest} FOR UPDATE SKIP LOCKED))`,
      sqlite: `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${expired} ${oldest})`
    })[dialect]
  return {
    /** id, now */
    read: sql(`SELECT payload, version, expires_at FROM ${table} WHERE id = ? AND expires_at > ?`),
    /** id, now */
    exists: sql(`SELECT 1 FROM ${table} WHERE id = ? AND expires_at > ?`),
    /**
     * id, payload, version, now, expiry; and now and minus now, except on MySQL, where it fails if the id is there,
     * live or not
     */
    create: sql(
      dialect === "mysql"
        ? insert
        : `${insert} ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, version = excluded.version, created_at = excluded.created_at, expires_at = excluded.expires_at WHERE stale.expires_at <= ? AND stale.expires_at >= ?`
    ),
    /** payload, expiry, id, version, now */
    write: sql(
      `UPDATE ${table} SET payload = ?, version = version + 1, expires_at = ? WHERE id = ? AND version = ? AND expires_at > ?`
    ),
    /** expiry, id, now */
    touch: sql(`UPDATE ${table} SET expires_at = ? WHERE id = ? AND expires_at > ?`),
    /** id */
    destroy: sql(`DELETE FROM ${table} WHERE id = ? AND ${isSession}`),
    /** the mark's content and minus its expiry, id, now */
    mark: sql(`UPDATE ${table} SET payload = ?, expires_at = ? WHERE id = ? AND expires_at > ?`),
    /** id, minus now */
    marked: sql(`SELECT payload FROM ${table} WHERE id = ? AND expires_at < ?`),
    /** id, now, minus now */
    destroyExpired: sql(`DELETE FROM ${table} WHERE id = ? AND expires_at <= ? AND expires_at >= ?`),
    /** new id, payload, expiry, old id, version, now */
    regenerate: sql(
      `UPDATE ${table} SET id = ?, payload = ?, version = version + 1, expires_at = ? WHERE id = ? AND version = ? AND expires_at > ?`
    ),
    /**
     * the parameters of regenerate, then the mark's content and minus its expiry; and the old id again, except on
     * PostgreSQL
     */
    regenerateMarked: moveAndMark(dialect, table),
    /** now */
    count: sql(`SELECT COUNT(*) AS sessions FROM ${table} WHERE expires_at > ?`),
    /** the last id of the page before, now */
    ids: sql(`SELECT id FROM ${table} WHERE id > ? AND expires_at > ? ORDER BY id LIMIT ${pageSize}`),
    /**
     * now. Removes the oldest expired sessions; on PostgreSQL none if another process is collecting, for which MySQL
     * needs a lock.
     */
    gc: sql(collected(`${isSession} AND expires_at <= ?`)),
    /** minus now. Removes the oldest expired marks, in the same way as gc. */
    gcMarks: sql(collected("expires_at < 0 AND expires_at >= ?"))
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
const moveAndMark = (dialect: Dialect, table: string): string => {
  const columns = "(id, payload, version, created_at, expires_at)"
  if (dialect === "postgres") {
    return `WITH ended AS (UPDATE ${table} SET payload = $7, expires_at = $8 WHERE id = $4 AND version = $5 AND expires_at > $6 RETURNING created_at) INSERT INTO ${table} ${columns} SELECT $1, $2, $5 + 1, created_at, $3 FROM ended`
  }
  const [newId, locked, taken] =
    dialect === "mysql"
      ? ["CAST(? AS BINARY(32))", " FOR UPDATE", "ON DUPLICATE KEY UPDATE"]
      : ["?", "", "ON CONFLICT (id) DO UPDATE SET"]
  return `INSERT INTO ${table} ${columns} SELECT CASE n WHEN 0 THEN ${newId} ELSE ended.id END, ?, ended.version + 1, ended.created_at, ? FROM ${table} AS ended, (SELECT 0 AS n UNION ALL SELECT 1) AS twice WHERE ended.id = ? AND ended.version = ? AND ended.expires_at > ?${locked} ${taken} payload = ?, expires_at = ?, id = ?`
}

/** Reads id, payload, version and expiry of so many ids, live or not. PostgreSQL takes them as one array. */
export const readMany = (dialect: Dialect, name: TableName, count: number): string =>
  `SELECT id, payload, version, expires_at FROM ${names(dialect, name).table} WHERE id ${
    dialect === "postgres" ? "= ANY ($1)" : `IN (${Array.from({ length: count }, () => "?").join(", ")})`
  }`

/** The name of a prepared statement: a hash of its text, so that two tables in one pool do not collide. */
export const preparedName = (text: string): string => `effect_session_${hashOf(text).toString("hex", 0, 12)}`
