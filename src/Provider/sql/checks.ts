/**
 * What a provider of sessions in a database looks at before it is used.
 */
import type { SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import { SessionError } from "../../SessionError.js"
import { defaultCapabilities } from "../Provider.js"
import type { Access, Unsafe } from "./access.js"
import type { Row } from "./connection.js"
import type { TableName } from "./statements.js"

/** MySQL has a limit for a whole statement, and some clients for a row. Both hold the payload and some other bytes. */
export const maxPayloadOf = ({ dialect, longestRow, unsafe }: Access): Effect.Effect<number, SqlFailure> =>
  Effect.map(
    dialect === "mysql"
      ? Effect.map(unsafe("SELECT @@max_allowed_packet AS bytes"), ([row]) => Number(row!["bytes"]))
      : Effect.succeed(longestRow),
    (longest) => Math.min(defaultCapabilities.maxPayload, longest - 1024)
  )

/** Fails with `InvalidConfig` if a query, which gets the table's schema and name, finds a row that must not be there. */
export const refusedIf = (
  unsafe: Unsafe,
  { schema, table }: TableName,
  query: string,
  message: (row: Row) => string
): Effect.Effect<void, SqlFailure | SessionError> =>
  Effect.flatMap(unsafe(query, [schema ?? null, table]), ([row]) =>
    row === undefined ? Effect.void : new SessionError({ reason: "InvalidConfig", message: message(row) })
  )

/** Without transactions a statement that is interrupted leaves a half: two sessions, or none, where one moves. */
export const engine = ({ dialect, unsafe }: Access, name: TableName): Effect.Effect<void, SqlFailure | SessionError> =>
  dialect === "mysql"
    ? refusedIf(
        unsafe,
        name,
        "SELECT t.ENGINE AS engine FROM information_schema.TABLES AS t JOIN information_schema.ENGINES AS e ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ? AND e.TRANSACTIONS <> 'YES'",
        (row) =>
          `mysql: the table ${name.table} has the engine ${row["engine"]}, which has no transactions: run ALTER TABLE ${name.table} ENGINE=InnoDB`
      )
    : Effect.void

/** How many bytes the name of a table or a schema can have. */
export const longestName = 48

/** Whether a table or a schema can have this name. Leaves room for derived names. Drivers take a ? for a parameter. */
export const isName = (name: string): boolean => /^[^\0?.]+$/.test(name) && Buffer.byteLength(name) <= longestName

/** Checks the names of the table and its schema. */
export const names = (name: TableName): Effect.Effect<void, SessionError> =>
  Effect.forEach(
    Object.entries(name),
    ([option, value]) =>
      // A dot would be part of the name.
      value === undefined || isName(value)
        ? Effect.void
        : Effect.fail(
            new SessionError({
              reason: "InvalidConfig",
              message: `${option}: expected a name of 1 to ${longestName} bytes, without a question mark or a dot; the schema is an option of its own`
            })
          ),
    { discard: true }
  )
