/**
 * Removes what has expired from the tables in batches, each in a short transaction of its own.
 */
import * as Clock from "#effect/Clock"
import * as Effect from "#effect/Effect"
import { rest } from "../../internal/machineTime.js"
import type { Connections, Run } from "./connection.js"
import { batchSize, lockOf, type Statement, statements, type TableName } from "./statements.js"

/** The pause after a batch, as a multiple of the batch's time. SQLite works in the app's own thread. */
export const restPerWork = { mysql: 2, postgres: 1, sqlite: 9 }

/**
 * How long SQLite keeps what has expired, in milliseconds. Its time is that of the machine's clock, whose mistakes end:
 * then those are signed in again whose sessions seemed to have expired. The other databases have a clock that is not
 * set while they run.
 */
export const kept = 24 * 60 * 60 * 1000

/**
 * Removes expired sessions, marks and records of people, and returns how many sessions. Only one process at a time does so; any other
 * finds nothing to do. In PostgreSQL the statement itself ensures this, in MySQL a lock, and SQLite allows only one
 * write at a time.
 */
export const collect = (
  { dialect, reserve, statement, write }: Connections,
  name: TableName,
  people: TableName
): Effect.Effect<number, unknown> => {
  const batch = batchSize[dialect]
  const { gc, gcMarks } = statements(dialect, name)
  const { gc: gcPeople } = statements(dialect, people)

  /** Pauses after each batch, so that others get their turn. */
  const inBatches = (run: Run, { parameters, text }: Statement) =>
    Effect.gen(function* () {
      const prepared = statement(text)
      let total = 0
      for (;;) {
        const started = performance.now()
        const now = yield* Clock.currentTimeMillis
        const { affected } = yield* run(
          prepared,
          parameters.map(() => now - kept)
        )
        total += affected
        if (affected < batch) {
          return total
        }
        yield* rest((performance.now() - started) * restPerWork[dialect])
      }
    })

  const all = (run: Run) =>
    Effect.tap(inBatches(run, gc), Effect.andThen(inBatches(run, gcMarks), inBatches(run, gcPeople)))

  if (dialect !== "mysql") {
    return all(write)
  }
  const lock = lockOf(dialect, "gc", name)
  return reserve((run) =>
    Effect.acquireUseRelease(
      run(`SELECT GET_LOCK(${lock}, 0) AS got`, []),
      ({ rows: [row] }) => (Number(row?.["got"]) === 1 ? all(run) : Effect.succeed(0)),
      // If the lock is not held, or the connection is lost, there is nothing to release.
      () => Effect.ignore(run(`SELECT RELEASE_LOCK(${lock})`, []))
    )
  )
}
