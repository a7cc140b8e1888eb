/**
 * How the SQL provider runs its statements: outside of any transaction that the app has open, and again if the database
 * asks for that.
 */

import {
  causeOf,
  isPooled,
  openConnection,
  outside,
  plainText,
  preparedText,
  reserveIn,
  type SqlClient,
  type SqlFailure,
  sharedConnection
} from "#dialect/sql"
import * as Effect from "#effect/Effect"
import * as Scope from "#effect/Scope"
import type { Connection } from "#effect/sql/SqlConnection"
import { codeOf } from "../../internal/codeOf.js"
import { rest } from "../../internal/machineTime.js"
import { SessionError } from "../../SessionError.js"
import { isLost, isMisnamed, isReadOnly, isTransient, worded } from "./failures.js"
import { type Dialect, preparedName } from "./statements.js"

export type Row = Readonly<Record<string, unknown>>

/** The result of a statement: its rows, or how many it changed. */
export interface Result {
  readonly rows: ReadonlyArray<Row>
  readonly affected: number
  /** Why the statement was sent a second time: its connection was lost, and nobody knows whether it ran then. */
  readonly repeated?: unknown
}

/** Runs a statement. Fails with the driver's error. */
export type Run = (statement: string, params: ReadonlyArray<unknown>) => Effect.Effect<Result, unknown>

/** The client as the provider uses it. */
export interface Connections {
  readonly dialect: Dialect
  /** Whether there are several connections, so that statements run at once. */
  readonly pooled: boolean
  /** Returns a statement in the form that the client takes. */
  readonly statement: (text: string) => string
  /** Runs a statement that changes nothing. */
  readonly run: Run
  readonly write: Run
  /**
   * Runs a statement that returns at most one row, and maps that with `answer`, which is told the app's time. It may
   * begin when it is called and not when its effect runs, which takes a third less time if nothing is waited for. Most
   * statements are reads of sessions, so that counts.
   */
  readonly first: <A>(
    statement: string,
    answer: (row: Row | undefined, now: number) => A
  ) => (params: ReadonlyArray<unknown>, now: number) => Effect.Effect<A, unknown>
  /** Runs several statements on one connection, which nothing else uses meanwhile. */
  readonly reserve: <A>(use: (run: Run) => Effect.Effect<A, unknown>) => Effect.Effect<A, unknown>
}

export const dialectOf = (sql: SqlClient): Dialect | undefined =>
  sql.onDialectOrElse({
    mysql: () => "mysql" as const,
    pg: () => "postgres" as const,
    sqlite: () => "sqlite" as const,
    orElse: () => undefined
  })

/** @param options.prepared Whether to prepare statements on PostgreSQL. On other databases the client always does. */
export const make = (
  sql: SqlClient,
  dialect: Dialect,
  options: { readonly prepared: boolean }
): Effect.Effect<Connections, SqlFailure> =>
  Effect.map(outside(sql)(sharedConnection(sql)), (shared) => {
    const pooled = isPooled(sql)
    const reserve: Connections["reserve"] = (use) =>
      Effect.flatMap(openConnection(sql), (open) =>
        open === shared
          ? Effect.fail(heldByCaller(dialect))
          : Effect.acquireUseRelease(
              Effect.flatMap(Scope.make(), (scope) =>
                Effect.map(reserveIn(sql, scope), (connection) => ({ connection, scope }))
              ).pipe(Effect.mapError(causeOf)),
              ({ connection }) => use(patient(onConnection(connection))),
              ({ scope }, exit) => Scope.close(scope, exit)
            )
      )
    // Reserving a connection takes as long as the statement, so this does it only if the statement could otherwise join
    // the app's transaction.
    const run: Run = pooled
      ? patient(onConnection(shared))
      : (statement, params) => reserve((run) => run(statement, params))
    return {
      dialect,
      pooled,
      run,
      write: run,
      first: firstBy(run),
      statement: (text) => (options.prepared ? preparedText(sql, preparedName(text), text) : text),
      reserve
    }
  })

const heldByCaller = (dialect: Dialect) =>
  new SessionError({
    reason: "Unsupported",
    message: `${dialect}: the app's transaction holds the only connection, and a session never joins it: use sessions outside of the transaction, or give them a connection of their own`
  })

const onConnection = (connection: Pick<Connection, "executeRaw">): Run => {
  let isPrepared = true
  const once: Run = (statement, params) =>
    Effect.mapBoth(connection.executeRaw(statement, params), { onSuccess: toResult, onFailure: causeOf })
  return (statement, params) =>
    isPrepared
      ? Effect.catch(once(statement, params), (cause) => {
          if (!isMisnamed(cause)) {
            return Effect.fail(cause)
          }
          isPrepared = false
          return once(plainText(statement), params)
        })
      : once(plainText(statement), params)
}

/**
 * Runs a statement again if the database asks for that, and once if its connection was lost. `renew` connects to where
 * the server's name leads by now, if that is due, and returns whether that was done since then.
 */
export const patient = (run: Run, renew: (since: number) => boolean = () => false): Run => {
  const attempt = (
    statement: string,
    params: ReadonlyArray<unknown>,
    n: number,
    lost: unknown
  ): Effect.Effect<Result, unknown> => {
    const began = performance.now()
    return Effect.matchEffect(run(statement, params), {
      onSuccess: (result) => Effect.succeed(lost === undefined ? result : { ...result, repeated: lost }),
      onFailure: (cause) =>
        lost === undefined && isLost(cause)
          ? attempt(statement, params, n, worded(cause))
          : isReadOnly(cause) && renew(began)
            ? attempt(statement, params, n, lost)
            : afterFailure(cause, n, () => attempt(statement, params, n + 1, lost), lost)
    })
  }
  return (statement, params) => attempt(statement, params, 1, undefined)
}

export const firstBy =
  (run: Run): Connections["first"] =>
  (statement, answer) =>
  (params, now) =>
    Effect.map(run(statement, params), ({ rows: [row] }) => answer(row, now))

/**
 * What follows the `n`th failure of a statement: `again` if the database asks for that, and an empty result if the key
 * is taken.
 */
export const afterFailure = (
  cause: unknown,
  n: number,
  again: () => Effect.Effect<Result, unknown>,
  repeated?: unknown
): Effect.Effect<Result, unknown> => {
  const code = codeOf(cause) ?? ""
  return duplicate.has(code)
    ? Effect.succeed({ ...nothing, repeated })
    : n < maxAttempts && isTransient(code)
      ? Effect.andThen(pause(n), Effect.suspend(again))
      : Effect.fail(worded(cause))
}

/** The pauses between them add up to about a second at most. */
const maxAttempts = 10

const pause = (attempt: number): Effect.Effect<void> =>
  Effect.suspend(() => rest(2 ** attempt * (0.5 + Math.random() / 2)))

const nothing: Result = { rows: [], affected: 0 }

/** The key is taken, so the statement did nothing. */
const duplicate: ReadonlySet<string> = new Set([
  "ER_DUP_ENTRY",
  "23505",
  "SQLITE_CONSTRAINT_PRIMARYKEY",
  "SQLITE_CONSTRAINT_UNIQUE"
])

interface RawResult {
  readonly rows?: Result["rows"]
  /** node-postgres, mysql2 and better-sqlite3 in turn. */
  readonly rowCount?: number | null
  readonly affectedRows?: number
  readonly changes?: number | bigint
}

export const toResult = (raw: unknown): Result => {
  if (Array.isArray(raw)) {
    return { rows: raw, affected: raw.length }
  }
  const { affectedRows, changes, rowCount, rows } = raw as RawResult
  return { rows: rows ?? nothing.rows, affected: Number(rowCount ?? affectedRows ?? changes ?? 0) }
}
