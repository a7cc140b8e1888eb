/**
 * Removes the expired sessions of the table, in batches that are each a short transaction of its own.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Connections, type Run, rest } from "./connection.js"
import { batchSize, lockOf, type TableName } from "./statements.js"

/** For how many times as long as a batch took. SQLite works in the time of the app itself. */
export const restPerWork = { mysql: 2, postgres: 1, sqlite: 9 }

/**
 * Answers how many sessions it removed; marks too are removed, and not counted. One process at a time does it; another finds nothing to
 * do. In PostgreSQL the statement itself sees to that, in MySQL a lock does, and SQLite lets one write at a time anyway.
 */
export const collect = (
  { dialect, reserve, run }: Connections,
  { gc, gcMarks }: { readonly gc: string; readonly gcMarks: string },
  name: TableName
): Effect.Effect<number, unknown> => {
  const batch = batchSize[dialect]

  /** After each batch it rests, so that others get their turn. */
  const inBatches = (run: Run, statement: string, sign: 1 | -1) =>
    Effect.gen(function* () {
      let total = 0
      for (;;) {
        const started = performance.now()
        const { affected } = yield* run(statement, [sign * (yield* Clock.currentTimeMillis)])
        total += affected
        if (affected < batch) {
          return total
        }
        yield* rest((performance.now() - started) * restPerWork[dialect])
      }
    })

  const all = (run: Run) => Effect.zipLeft(inBatches(run, gc, 1), inBatches(run, gcMarks, -1))

  if (dialect !== "mysql") {
    return all(run)
  }
  const lock = lockOf(dialect, "gc", name)
  return reserve((run) =>
    Effect.acquireUseRelease(
      run(`SELECT GET_LOCK(${lock}, 0) AS got`, []),
      ({ rows: [row] }) => (Number(row?.["got"]) === 1 ? all(run) : Effect.succeed(0)),
      // Where it is not held, or the connection is lost, there is nothing to release.
      () => Effect.ignore(run(`SELECT RELEASE_LOCK(${lock})`, []))
    )
  )
}
