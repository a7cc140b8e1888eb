/**
 * The failures of databases: which of them pass, and what to do about the others.
 */
import { codeOf } from "../../internal/codeOf.js"
import { checkBackend, Failure } from "../../internal/failure.js"
import { type SessionError, unavailable } from "../../SessionError.js"

const crowded = ["53300", "ER_CON_COUNT_ERROR", "ER_TOO_MANY_USER_CONNECTIONS", "ER_USER_LIMIT_REACHED"]

/** Whether the server, or the account, has no place for another connection. */
export const isCrowded = (cause: unknown): boolean => crowded.includes(codeOf(cause) ?? "")

const passing: ReadonlySet<string> = new Set([
  ...crowded,
  // The statement was rolled back in favour of another: a serialization failure, a deadlock, Galera's certification.
  "40001",
  "40P01",
  "ER_LOCK_DEADLOCK",
  "ER_CHECKREAD",
  // The server starts, or a node of Galera is not ready.
  "57P03",
  "ER_UNKNOWN_COM_ERROR"
])

/** Whether a statement did nothing, and can be expected to succeed in a moment. */
export const isTransient = (code: string): boolean =>
  passing.has(code) || code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")

const losses: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "PROTOCOL_CONNECTION_LOST",
  "ER_SERVER_SHUTDOWN",
  "ER_CONNECTION_KILLED",
  "ER_CLIENT_INTERACTION_TIMEOUT",
  "57P01",
  "57P02",
  "57P05",
  "08003",
  "08006"
])

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : "")

/** Whether a connection was lost, so that nobody knows whether its statement ran. */
export const isLost = (cause: unknown): boolean => {
  const code = codeOf(cause)
  return code === undefined
    ? /connection (terminated|closed|was closed|ended)|not queryable|closed state|socket closed/i.test(messageOf(cause))
    : losses.has(code)
}

/**
 * Whether a prepared statement's name was taken, or unknown: a pooler shares the server's connections. The statement did
 * not run.
 */
export const isMisnamed = (cause: unknown): boolean => ["42P05", "26000"].includes(codeOf(cause) ?? "")

const readOnly: ReadonlySet<string> = new Set(["25006", "ER_OPTION_PREVENTS_STATEMENT", "ER_READ_ONLY_MODE"])

/** Whether a server takes no writes, as one that was the primary until a failover. */
export const isReadOnly = (cause: unknown): boolean => readOnly.has(codeOf(cause) ?? "")

const forbidden = ["42501", "ER_TABLEACCESS_DENIED_ERROR", "ER_COLUMNACCESS_DENIED_ERROR"]

/** Whether the user lacks a right. */
export const isForbidden = (cause: unknown): boolean => forbidden.includes(codeOf(cause) ?? "")

const rights =
  "the database's user lacks rights: run GRANT SELECT, INSERT, UPDATE, DELETE ON the table of sessions and its ..._principals, and GRANT SELECT ON its ..._migrations, TO the user; to create them it needs CREATE, or run"

const absent = ["42P01", "ER_NO_SUCH_TABLE"]

const unbuilt =
  "better-sqlite3 has no binary for this platform and Node: let its install script run (pnpm approve-builds better-sqlite3), or run npm rebuild better-sqlite3"

/** What to do about a refusal, by code. */
const advice: ReadonlyArray<readonly [codes: ReadonlyArray<string>, advice: string]> = [
  [forbidden, `${rights} the SQL of Sql.ddl`],
  [[...readOnly], "the server takes no writes: let the url lead to the primary, or end the server's read-only mode"],
  [
    ["08P01"],
    "a pooler refuses the connection: see its log, and whether it knows the database and the user of the url"
  ],
  [["28P01"], "the server refuses the user or the password: correct them in the url"],
  [
    ["ER_ACCESS_DENIED_ERROR"],
    "the server refuses the user or the password, or wants TLS: correct them in the url, or set the option tls"
  ],
  [
    ["28000", "ER_SECURE_TRANSPORT_REQUIRED"],
    "the server refuses the user, the host or a connection without TLS: check the url and the option tls, and the server's pg_hba.conf or accounts"
  ],
  [
    ["3D000", "ER_BAD_DB_ERROR", "ER_DBACCESS_DENIED_ERROR", "ER_NO_DB_ERROR"],
    "the server has no such database for this user: correct it in the url, or run CREATE DATABASE and GRANT"
  ],
  [["3F000"], "there is no such schema: correct the option schema, or run CREATE SCHEMA"],
  [
    absent,
    "the table of sessions, or that of people's records, is missing: restart the app with the option migrate at its default, true, or run the SQL of Sql.ddl"
  ],
  [["42703", "ER_BAD_FIELD_ERROR"], "the table has other columns than those of Sql.ddl: choose another option table"],
  [
    ["53100", "ER_DISK_FULL", "ER_RECORD_FILE_FULL", "SQLITE_FULL", "ENOSPC"],
    "the database's disk is full: make room on it"
  ],
  [crowded, "the server has no place for another connection: raise its limit, or lower maxConnections"],
  [
    ["55P03", "57014", "ER_LOCK_WAIT_TIMEOUT", "ER_STATEMENT_TIMEOUT"],
    "the statement took too long: see which transaction holds a lock on the table"
  ],
  [
    [
      ...["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
      ...["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERT_HAS_EXPIRED", "HANDSHAKE_SSL_ERROR"],
      "ERR_TLS_CERT_ALTNAME_INVALID"
    ],
    "the server's certificate is not trusted: pass the authority's as tls: { ca }, or in NODE_EXTRA_CA_CERTS"
  ],
  [["HANDSHAKE_NO_SSL_SUPPORT"], "the server has no TLS: remove the option tls, or the url's"],
  [["ER_UNKNOWN_COM_ERROR"], "this node of the cluster is not ready: check its wsrep_cluster_status"],
  [
    ["SQLITE_CANTOPEN", "SQLITE_CANTOPEN_ISDIR", "EACCES", "EISDIR"],
    "the file cannot be opened: check its path, and that this process may read and write it and its directory"
  ],
  [["ENOENT", "ENOTDIR"], "there is no such file or directory: create it, or correct its name"],
  [
    ["SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY", "SQLITE_READONLY_DBMOVED", "SQLITE_READONLY_CANTINIT", "EROFS"],
    "the file or its directory is read-only: let this process write both"
  ],
  [["SQLITE_NOTADB", "SQLITE_CORRUPT"], "the file is no database, or is damaged: name another, or restore it"],
  [["MODULE_NOT_FOUND", "ERR_DLOPEN_FAILED"], unbuilt],
  [["SQLITE_IOERR"], "the disk fails: check it"],
  [["SQLITE_BUSY"], "another process writes to the file for long: find the transaction that it does not end"]
]

const adviceOf: ReadonlyMap<string, string> = new Map(
  advice.flatMap(([codes, advice]) => codes.map((code) => [code, advice] as const))
)

/** Whether the table is missing. */
export const isMissing = (cause: unknown): boolean =>
  absent.includes(codeOf(cause) ?? "") || /^no such table/.test(messageOf(cause))

/** A driver's error in words that may be shown, if there are better ones than its code. */
export const worded = (cause: unknown): unknown => {
  const code = codeOf(cause)
  if (code !== undefined) {
    if ((cause as { readonly syscall?: unknown }).syscall === "connect") {
      return new Failure(code, checkBackend)
    }
    const known = adviceOf.get(isMissing(cause) ? "42P01" : code) ?? (losses.has(code) ? checkBackend : undefined)
    return known === undefined ? cause : new Failure(code, known)
  }
  const message = messageOf(cause)
  if (isLost(cause)) {
    return new Failure("the connection was lost", checkBackend)
  }
  if (/time(d )?out/i.test(message)) {
    return new Failure("no connection in time", checkBackend)
  }
  if (cause instanceof TypeError) {
    return new Failure(cause.name, "the driver refuses an option: correct the address")
  }
  if (/^Could not locate the bindings file/.test(message)) {
    return new Failure("no binary", unbuilt)
  }
  if (/password must be a string/.test(message)) {
    return new Failure("no password", "the server asks for a password: put it into the url")
  }
  if (/^received invalid response/.test(message)) {
    return new Failure("not an answer of PostgreSQL's", "check the host and the port in the url")
  }
  return /not support SSL/.test(message)
    ? new Failure("no TLS", "the server has no TLS: remove the option tls, or the url's")
    : cause
}

/** The error of a step that makes the provider. */
export const failed = (dialect: string, operation: string, cause: unknown): SessionError =>
  unavailable(dialect, operation, worded(cause))

/** The error of a migration that was refused: if a right is missing, with the SQL that is left to run. */
export const refused = (dialect: string, cause: unknown, sql: string): SessionError => {
  return unavailable(
    dialect,
    "migrate",
    isForbidden(cause) ? new Failure(codeOf(cause)!, `${rights}: ${sql}`) : worded(cause)
  )
}
