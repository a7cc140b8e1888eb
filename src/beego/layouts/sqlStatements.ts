/**
 * beego's session table in SQL, per dialect: its definition, and its form for the statements that all such tables share.
 */
import {
  type Dialect,
  type Form,
  type Statements,
  statements as statementsOf
} from "../../Provider/foreign/sqlStatements.js"
import { lastSecond } from "../../Provider/internal/time.js"
import { clock, names } from "../../Provider/sql/statements.js"

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

/**
 * The table's form.
 *
 * @param timeZone The name of the zone whose local time PostgreSQL's column holds; it needs no quoting.
 * @param maxLifetime In milliseconds: a session lives for so long after the time in its row.
 */
export const form = (dialect: Dialect, name: string, timeZone: string, maxLifetime: number): Form => {
  const columns = {
    table: names(dialect, { table: name }).table,
    id: "session_key",
    data: "session_data",
    expiry: "session_expiry"
  }
  return dialect === "mysql"
    ? {
        ...columns,
        hash: "SHA1(COALESCE(session_data, ''))",
        remaining: `(CAST(session_expiry AS SIGNED) + 1) * 1000 + ${maxLifetime} - ${clock.mysql}`,
        time: `GREATEST(0, LEAST(CEILING((${clock.mysql} + ? - ${maxLifetime}) / 1000) - 1, ${lastSecond}))`,
        live: (expiry) => `${expiry} > (${clock.mysql} - ${maxLifetime}) DIV 1000 - 1`
      }
    : {
        ...columns,
        // CHAR is padded with blanks.
        listed: "RTRIM(session_key)",
        // SHA-1 is not built in.
        hash: "ENCODE(SHA256(COALESCE(session_data, '')), 'hex')",
        remaining: `EXTRACT(EPOCH FROM (session_expiry AT TIME ZONE '${timeZone}') - statement_timestamp()) * 1000 + ${maxLifetime}`,
        time: `LEAST(statement_timestamp() + (?::float8 - ${maxLifetime}) * INTERVAL '1 millisecond', TO_TIMESTAMP(${lastSecond})) AT TIME ZONE '${timeZone}'`,
        live: (expiry) =>
          `${expiry} AT TIME ZONE '${timeZone}' > statement_timestamp() - ${maxLifetime} * INTERVAL '1 millisecond'`
      }
}

/** The statements on a table of this form. */
export const statements = (...of: Parameters<typeof form>): Statements => statementsOf(of[0], form(...of))
