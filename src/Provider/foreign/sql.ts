/**
 * Another library's table of sessions in MySQL or PostgreSQL. It is created if it is missing, and never altered: the
 * library goes on using it as it is.
 */
import { causeOf, type SqlFailure } from "#dialect/sql"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Record from "#effect/Record"
import * as Stream from "#effect/Stream"
import { rest } from "../../internal/machineTime.js"
import { isSessionError, type SessionError } from "../../SessionError.js"
import type { Change } from "../internal/casProvider.js"
import { after, lastSecond, lifetime, withNow } from "../internal/time.js"
import * as Provider from "../Provider.js"
import type { Access, Unsafe } from "../sql/access.js"
import type * as SqlConnection from "../sql/connection.js"
import { failed, isMissing } from "../sql/failures.js"
import { restPerWork } from "../sql/gc.js"
import { pageSize, type TableName } from "../sql/statements.js"
import * as ForeignProvider from "./provider.js"
import * as Statements from "./sqlStatements.js"

/** The limits of the columns. */
export interface Limits {
  /** In bytes. */
  readonly maxPayload: number
  readonly isKey: (id: string) => boolean
}

/** A library's table. */
export interface Layout {
  readonly dialect: Statements.Dialect
  readonly form: Statements.Form
  /** The statements that create the table. */
  readonly ddl: ReadonlyArray<string>
  readonly limits: (unsafe: Unsafe) => Effect.Effect<Limits, SqlFailure | SessionError>
  /** How much longer than its lifetime a session can be seen, in milliseconds. */
  readonly expirySlack: number
  /** The expiry that is stored for a session that lives for `ttl` from `now` on. */
  readonly expiresAt: (now: number, ttl: Duration.Duration) => number
  /** The revision of a stored payload, if it is not {@link ForeignProvider.sha1}. */
  readonly revisionOf?: ((payload: Uint8Array) => Provider.Revision) | undefined
  /** A payload as a parameter. */
  readonly parameterOf: (payload: Uint8Array) => Buffer | string
  /** A payload as it was read; an empty one if the column is null. */
  readonly payloadOf: (data: unknown) => Uint8Array
  /** An error of the database in better words, or as it is. */
  readonly explained?: ((cause: unknown) => unknown) | undefined
}

const empty = new Uint8Array(0)

/** The payload of a column that the driver reads as bytes. */
export const bytesOf = (data: unknown): Uint8Array => (data as Uint8Array | null) ?? empty

const makeStore = (
  { run, statement, write }: Pick<SqlConnection.Connections, "run" | "statement" | "write">,
  layout: Layout,
  { isKey, maxPayload }: Limits
): ForeignProvider.ForeignStore => {
  const { dialect, expiresAt, parameterOf } = layout
  const sql = Record.map(Statements.statements(dialect, layout.form), statement)
  /** A lifetime that ends when the column does. */
  const millis = (ttl: Duration.Duration): number => Math.min(lifetime(ttl), lastSecond * 1000)
  const key = (id: string): ReadonlyArray<string> => (dialect === "mysql" ? [id, id] : [id])

  const get = (id: string, now: number) =>
    Effect.map(run(sql.get, key(id)), ({ rows: [row] }): ForeignProvider.Found | undefined =>
      row === undefined
        ? undefined
        : { payload: layout.payloadOf(row["data"]), expiresAt: after(now, Math.ceil(Number(row["remaining"]))) }
    )

  /** What a statement stored, with its revision if the database said it. */
  const stored = ({ rows: [row] }: SqlConnection.Result, expiry: number): ForeignProvider.Kept =>
    row === undefined ? expiry : Provider.written(String(row["revision"]), expiry)

  // A row does not tell who wrote it. So what a statement that was sent twice made stays unknown if it finds another one.
  const insert = (
    row: ReadonlyArray<unknown>,
    expiry: number
  ): Effect.Effect<ForeignProvider.Kept | undefined, unknown> =>
    Effect.flatMap(write(sql.add, row), (result) =>
      result.affected > 0
        ? Effect.succeed(stored(result, expiry))
        : result.repeated === undefined
          ? Effect.succeed(undefined)
          : Effect.fail(result.repeated)
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
    capabilities: { ...Provider.defaultCapabilities, maxPayload, expirySlack: layout.expirySlack },
    revisionOf: layout.revisionOf,
    isKey,
    get: (id) => withNow((now) => get(id, now)),
    add: (id, payload, ttl) =>
      withNow((now) => {
        const expiry = expiresAt(now, ttl)
        const row = [id, parameterOf(payload), millis(ttl)]
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
          write(sql.replace, [parameterOf(payload), millis(ttl), ...key(id), revision]),
          (result): Effect.Effect<ForeignProvider.Kept | "changed" | "gone", unknown> =>
            result.affected > 0
              ? Effect.succeed(stored(result, expiresAt(now, ttl)))
              : Effect.flatMap(get(id, now), (found) =>
                  found === undefined
                    ? Effect.succeed("gone" as const)
                    : result.repeated === undefined
                      ? Effect.succeed("changed" as const)
                      : Effect.fail(result.repeated)
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
          affected > 0 ? expiresAt(now, ttl) : undefined
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
const ensureTable = ({ transaction, unsafe }: Access, { ddl, form }: Layout): Effect.Effect<void, SqlFailure> => {
  const look = Effect.asVoid(unsafe(Statements.look(form.table)))
  return Effect.catch(look, (error) =>
    isMissing(causeOf(error))
      ? // If several processes create it at once, PostgreSQL lets some fail. It only matters that it exists.
        Effect.catch(
          transaction((unsafe) => Effect.forEach(ddl, (statement) => unsafe(statement), { discard: true })),
          (error) => Effect.mapError(look, () => error)
        )
      : Effect.void
  )
}

/**
 * What MySQL's columns hold: the longest id, if that is known, and the largest payload, in bytes. The server has a limit for
 * a whole statement too. `ifUnknown` is the size of a column that has no limit of its own.
 */
export const mysqlLimits = (
  unsafe: Unsafe,
  { schema, table }: TableName,
  { data, id }: Pick<Statements.Form, "data" | "id">,
  ifUnknown: number
): Effect.Effect<{ readonly maxPayload: number; readonly longestId: number | undefined }, SqlFailure> => {
  const length =
    "(SELECT CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND COLUMN_NAME = ?)"
  const of = schema ?? null
  return Effect.map(
    unsafe(`SELECT @@max_allowed_packet AS packet, ${length} AS data, ${length} AS id`, [
      ...[of, table, data],
      ...[of, table, id]
    ]),
    ([row]) => ({
      maxPayload: Math.min(
        Provider.defaultCapabilities.maxPayload,
        Number(row!["packet"]) - 1024,
        Number(row!["data"] ?? ifUnknown)
      ),
      longestId: row!["id"] === null ? undefined : Number(row!["id"])
    })
  )
}

/** An id that no session has. */
const nobody = "effect-session" as Provider.StoredId

/** Makes a provider on a pool that nothing else uses. `migrate` is whether to create the table if it is missing. */
export const make = (
  access: Access,
  layout: Layout,
  { migrate = true }: { readonly migrate?: boolean | undefined }
): Effect.Effect<Provider.Provider, SessionError> => {
  const { explained } = layout
  const step = <A>(operation: string, effect: Effect.Effect<A, SqlFailure | SessionError>) =>
    Effect.mapError(effect, (error) =>
      isSessionError(error)
        ? error
        : failed(layout.dialect, operation, explained ? explained(causeOf(error)) : causeOf(error))
    )
  const inWords = (run: SqlConnection.Run): SqlConnection.Run =>
    explained ? (statement, params) => Effect.mapError(run(statement, params), explained) : run
  return Effect.gen(function* () {
    const { run, statement, write } = yield* step("connect", access.connect)
    if (migrate) {
      yield* step("migrate", ensureTable(access, layout))
    }
    const limits = yield* step("connect", layout.limits(access.unsafe))
    const provider = ForeignProvider.make(
      makeStore({ run: inWords(run), statement, write: inWords(write) }, layout, limits)
    )
    // If the table is missing or has another form, this fails now.
    yield* provider.read(nobody)
    return provider
  })
}
