/**
 * beego's session table in MySQL and PostgreSQL: `session_key`, the raw id; `session_data`; and `session_expiry`, the
 * time when the session was last written.
 */
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { toBuffer } from "../../internal/bytes.js"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import * as ForeignSql from "../../Provider/foreign/sql.js"
import type { Dialect } from "../../Provider/foreign/sqlStatements.js"
import * as Provider from "../../Provider/Provider.js"
import type { Access } from "../../Provider/sql/access.js"
import { names } from "../../Provider/sql/checks.js"
import type { SessionError } from "../../SessionError.js"
import { checkMaxLifetime, inMillis, inSeconds } from "./lastWrite.js"
import * as Statements from "./sqlStatements.js"

export interface Options {
  /** beego's `Maxlifetime`: how long a session lives after it was last written. */
  readonly maxLifetime: Duration.Input
  /** The name of the table. Default `session`. */
  readonly table?: string | undefined
  /** Whether to create the table if it is missing. Default true. */
  readonly migrate?: boolean | undefined
}

/** Whether an id fits into the column: CHAR(64), which ignores blanks at the end. */
const isKey = (id: string): boolean => /^[!-~]{1,64}$/.test(id)

const layoutOf = (dialect: Dialect, table: string, timeZone: string, maxLifetime: number): ForeignSql.Layout => {
  const form = Statements.form(dialect, table, timeZone, maxLifetime)
  const { expiresAt, store } = (dialect === "mysql" ? inSeconds : inMillis)(maxLifetime)
  return {
    dialect,
    form,
    ddl: [Statements.ddl(dialect, table)],
    limits: (unsafe) =>
      dialect === "mysql"
        ? // beego's column, a blob, holds 65,535 bytes.
          Effect.map(ForeignSql.mysqlLimits(unsafe, { table }, form, 65_535), ({ maxPayload }) => ({
            maxPayload,
            isKey
          }))
        : Effect.succeed({ maxPayload: Provider.defaultCapabilities.maxPayload, isKey }),
    expirySlack: dialect === "mysql" ? 1000 : 0,
    expiresAt: (now, ttl) => expiresAt(store(now, ttl)),
    revisionOf: dialect === "mysql" ? undefined : ForeignProvider.sha256,
    parameterOf: toBuffer,
    payloadOf: ForeignSql.bytesOf
  }
}

/** Makes a provider on a pool that nothing else uses. */
export const make = (
  access: Access,
  dialect: Dialect,
  { migrate, table = "session", ...options }: Options & { readonly timeZone: string }
): Effect.Effect<Provider.Provider, SessionError> =>
  names({ table }).pipe(
    Effect.andThen(checkMaxLifetime(options.maxLifetime)),
    Effect.flatMap((maxLifetime) =>
      ForeignSql.make(access, layoutOf(dialect, table, options.timeZone, maxLifetime), { migrate })
    )
  )
