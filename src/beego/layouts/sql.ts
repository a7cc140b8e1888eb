/**
 * beego's session table in MySQL and PostgreSQL: `session_key`, the raw id; `session_data`; and `session_expiry`, the
 * time when the session was last written. The table is created if it is missing, and never altered: beego goes on using
 * it as it is.
 */
import { hash } from "node:crypto"
import { causeOf, type SqlFailure } from "#dialect/sql"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Record from "#effect/Record"
import * as Stream from "#effect/Stream"
import { toBuffer } from "../../internal/bytes.js"
import { codeOf } from "../../internal/codeOf.js"
import { rest } from "../../internal/machineTime.js"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import type { Change } from "../../Provider/internal/casProvider.js"
import { after, lifetime, withNow } from "../../Provider/internal/time.js"
import * as Provider from "../../Provider/Provider.js"
import type { Access, Unsafe } from "../../Provider/sql/access.js"
import { names } from "../../Provider/sql/checks.js"
import type * as SqlConnection from "../../Provider/sql/connection.js"
import { failed } from "../../Provider/sql/failures.js"
import { restPerWork } from "../../Provider/sql/gc.js"
import { pageSize } from "../../Provider/sql/statements.js"
import type { SessionError } from "../../SessionError.js"
import { checkMaxLifetime, inMillis, inSeconds, last } from "./lastWrite.js"
import * as Statements from "./sqlStatements.js"

export interface Options {
  /** beego's `Maxlifetime`: how long a session lives after it was last written. */
  readonly maxLifetime: Duration.Input
  /** The name of the table. Default `session`. */
  readonly table?: string | undefined
  /** Whether to create the table if it is missing. Default true. */
  readonly migrate?: boolean | undefined
}

const empty = new Uint8Array(0)

/** Whether an id fits into the column: CHAR(64), which ignores blanks at the end. */
const isKey = (id: string): boolean => /^[!-~]{1,64}$/.test(id)

const makeStore = (
  connections: SqlConnection.Connections,
  dialect: Statements.Dialect,
  options: {
    readonly table: string
    readonly timeZone: string
    readonly maxLifetime: number
    readonly maxPayload: number
  }
): ForeignProvider.ForeignStore => {
  const { run, write } = connections
  const { expiresAt, store } = (dialect === "mysql" ? inSeconds : inMillis)(options.maxLifetime)
  const sql = Record.map(Statements.statements(dialect, options.table, options.timeZone, options.maxLifetime), (text) =>
    connections.statement(text)
  )
  /** A lifetime that ends when the column does. */
  const millis = (ttl: Duration.Duration): number => Math.min(lifetime(ttl), last * 1000)
  const key = (id: string): ReadonlyArray<string> => (dialect === "mysql" ? [id, id] : [id])

  const get = (id: string, now: number) =>
    Effect.map(run(sql.get, key(id)), ({ rows: [row] }): ForeignProvider.Found | undefined =>
      row === undefined
        ? undefined
        : {
            payload: (row["data"] as Uint8Array | null) ?? empty,
            expiresAt: after(now, Math.ceil(Number(row["remaining"])))
          }
    )

  // A row does not tell who wrote it. So what a statement that was sent twice made stays unknown if it finds another one.
  const insert = (row: ReadonlyArray<unknown>, expiry: number): Effect.Effect<number | undefined, unknown> =>
    Effect.flatMap(write(sql.add, row), ({ affected, repeated }) =>
      affected > 0 ? Effect.succeed(expiry) : repeated === undefined ? Effect.succeed(undefined) : Effect.fail(repeated)
    )

  const collectFrom = (last: string, total: number): Effect.Effect<number, unknown> =>
    Effect.gen(function* () {
      const started = performance.now()
      const { rows } = yield* run(sql.gcPageEnd, [last])
      const end = rows[0]?.["id"] as string | undefined
      const { affected } = yield* end === undefined ? write(sql.gcLastPage, [last]) : write(sql.gcPage, [last, end])
      if (end === undefined) {
        return total + affected
      }
      yield* rest((performance.now() - started) * restPerWork[dialect])
      return yield* collectFrom(end, total + affected)
    })

  return {
    name: dialect,
    capabilities: {
      ...Provider.defaultCapabilities,
      maxPayload: options.maxPayload,
      expirySlack: dialect === "mysql" ? 1000 : 0
    },
    // SHA-1 is not built into PostgreSQL.
    revisionOf: dialect === "mysql" ? undefined : (payload) => hash("sha256", payload, "hex") as Provider.Revision,
    isKey,
    get: (id) => withNow((now) => get(id, now)),
    add: (id, payload, ttl) =>
      withNow((now) => {
        const expiry = expiresAt(store(now, ttl))
        const row = [id, toBuffer(payload), millis(ttl)]
        return dialect === "mysql"
          ? Effect.flatMap(insert(row, expiry), (result) =>
              // The row that is in the way may have expired, which MySQL cannot check in the same statement.
              result === undefined
                ? Effect.andThen(write(sql.removeExpired, key(id)), insert(row, expiry))
                : Effect.succeed(result)
            )
          : insert(row, expiry)
      }),
    replace: (id, payload, ttl, revision) =>
      withNow((now) =>
        Effect.flatMap(
          write(sql.replace, [toBuffer(payload), millis(ttl), ...key(id), revision]),
          ({ affected, repeated }): Effect.Effect<number | "changed" | "gone", unknown> =>
            affected > 0
              ? Effect.succeed(expiresAt(store(now, ttl)))
              : Effect.flatMap(get(id, now), (found) =>
                  found === undefined
                    ? Effect.succeed("gone" as const)
                    : repeated === undefined
                      ? Effect.succeed("changed" as const)
                      : Effect.fail(repeated)
                )
        )
      ),
    removeAt: (id, revision) =>
      withNow((now) =>
        Effect.flatMap(
          write(sql.removeAt, [...key(id), revision]),
          ({ affected, repeated }): Effect.Effect<Change, unknown> =>
            affected > 0
              ? Effect.succeed("done")
              : // What is there was not removed, and what is not was removed by the first of two statements.
                Effect.map(get(id, now), (found) =>
                  found !== undefined ? "changed" : repeated === undefined ? "gone" : "done"
                )
        )
      ),
    remove: (id) => Effect.asVoid(write(sql.remove, key(id))),
    touch: (id, ttl) =>
      withNow((now) =>
        Effect.map(write(sql.touch, [millis(ttl), ...key(id)]), ({ affected }) =>
          affected > 0 ? expiresAt(store(now, ttl)) : undefined
        )
      ),
    count: Effect.map(run(sql.count, []), ({ rows: [row] }) => Number(row?.["sessions"])),
    list: Stream.paginate("", (last) =>
      Effect.map(run(sql.ids, [last]), ({ rows }) => {
        const ids = rows.map((row) => row["id"] as Provider.StoredId)
        return [ids, ids.length < pageSize ? Option.none() : Option.some(ids[ids.length - 1]!)]
      })
    ),
    gc: Effect.suspend(() => collectFrom("", 0))
  }
}

/** Creates the table if it is missing. If it exists, this needs no right to create tables. */
const ensureTable = (unsafe: Unsafe, dialect: Statements.Dialect, table: string): Effect.Effect<void, SqlFailure> => {
  const look = Effect.asVoid(unsafe(Statements.look(dialect, table)))
  return Effect.catch(look, (error) =>
    isMissing(causeOf(error))
      ? // If several processes create it at once, PostgreSQL lets some fail. It only matters that it exists.
        Effect.catch(Effect.asVoid(unsafe(Statements.ddl(dialect, table))), (error) =>
          Effect.mapError(look, () => error)
        )
      : Effect.void
  )
}

const isMissing = (cause: unknown): boolean => ["ER_NO_SUCH_TABLE", "42P01"].includes(codeOf(cause) ?? "")

/**
 * MySQL's limits are the size of the column, 65,535 bytes for a `blob`, and the server's setting for a whole statement.
 */
const maxPayloadOf = (unsafe: Unsafe, dialect: Statements.Dialect, table: string): Effect.Effect<number, SqlFailure> =>
  dialect === "mysql"
    ? Effect.map(
        unsafe(
          "SELECT @@max_allowed_packet AS packet, (SELECT CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = 'session_data') AS `column`",
          [table]
        ),
        ([row]) =>
          Math.min(
            Provider.defaultCapabilities.maxPayload,
            Number(row!["packet"]) - 1024,
            Number(row!["column"] ?? 65_535)
          )
      )
    : Effect.succeed(Provider.defaultCapabilities.maxPayload)

/** An id that no session has. */
const nobody = "effect-session" as Provider.StoredId

/** Makes a provider on a pool that nothing else uses. */
export const make = (
  { connect, unsafe }: Access,
  dialect: Statements.Dialect,
  { migrate = true, table = "session", ...options }: Options & { readonly timeZone: string }
): Effect.Effect<Provider.Provider, SessionError> => {
  const step = <A>(operation: string, effect: Effect.Effect<A, SqlFailure>) =>
    Effect.mapError(effect, (error) => failed(dialect, operation, causeOf(error)))
  return Effect.gen(function* () {
    yield* names({ table })
    const maxLifetime = yield* checkMaxLifetime(options.maxLifetime)
    const connections = yield* step("connect", connect)
    if (migrate) {
      yield* step("migrate", ensureTable(unsafe, dialect, table))
    }
    const maxPayload = yield* step("connect", maxPayloadOf(unsafe, dialect, table))
    const provider = ForeignProvider.make(
      makeStore(connections, dialect, { table, maxLifetime, maxPayload, timeZone: options.timeZone })
    )
    // If the table is missing or has another form, this fails now.
    yield* provider.read(nobody)
    return provider
  })
}
