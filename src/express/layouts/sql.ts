/**
 * What the tables of express-session's stores have in common: their options, their names, and what to do about a table that
 * cannot be used.
 */
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import { Failure } from "../../internal/failure.js"
import { isName, longestName } from "../../Provider/sql/checks.js"
import type { TableName } from "../../Provider/sql/statements.js"
import { SessionError } from "../../SessionError.js"

export interface Options {
  /** The name of the table, after that of its schema and a dot if it is not in the one where the server looks first. */
  readonly table?: string | undefined
  /** Whether to create the table if it is missing. Default true. */
  readonly migrate?: boolean | undefined
}

/** Reads the name of a table. Fails with `InvalidConfig` if it cannot be one. */
export const tableOf = (name: string): Effect.Effect<TableName, SessionError> => {
  const parts = name.split(".")
  const [schema, table] = parts.length === 1 ? [undefined, name] : parts
  return parts.length <= 2 && parts.every(isName)
    ? Effect.succeed({ table: table!, schema })
    : new SessionError({
        reason: "InvalidConfig",
        message: `table: expected a name, or that of a schema, a dot and a name, each of 1 to ${longestName} bytes and without a question mark`
      })
}

/** The ids that a column of so many characters can hold, if they are visible ASCII. */
export const keysUpTo = (length: number): ((id: string) => boolean) => {
  const key = new RegExp(`^[!-~]{1,${length}}$`)
  return (id) => key.test(id)
}

/** What the words about a table need to know. */
export interface Described {
  /** The table's quoted name. */
  readonly table: string
  readonly schema: string | undefined
  /** The store whose table it is, and the file in which that has its SQL. */
  readonly store: string
  readonly file: string
}

/** The code of an error of the driver, or of one that was put into words. */
export const codeIn = (cause: unknown): string | undefined => (cause instanceof Failure ? cause.words : codeOf(cause))

/** Puts errors that a table causes into words about this one. */
export const explainedFor = ({ file, schema, store, table }: Described): ((cause: unknown) => unknown) => {
  const usage = schema === undefined ? "" : ", and USAGE ON its schema,"
  const lacking = `the database's user lacks rights: run GRANT SELECT, INSERT, UPDATE, DELETE ON ${table}${usage} TO the user; to create the table it needs CREATE too`
  const missing = `the table ${table} is missing: leave the option migrate at its default, true, or run ${store}'s ${file}`
  const other = `the table ${table} has other columns than ${store}'s: correct the option table`
  const advice: Readonly<Record<string, string>> = {
    "42501": lacking,
    ER_TABLEACCESS_DENIED_ERROR: lacking,
    ER_COLUMNACCESS_DENIED_ERROR: lacking,
    "42P01": missing,
    ER_NO_SUCH_TABLE: missing,
    "42703": other,
    ER_BAD_FIELD_ERROR: other,
    "3F000": "there is no such schema: correct the option table, or run CREATE SCHEMA"
  }
  return (cause) => {
    const code = codeIn(cause)
    const words = code === undefined ? undefined : advice[code]
    return words === undefined ? cause : new Failure(code!, words)
  }
}
