/**
 * Brings the session table up to date, however many processes start at once.
 */
import { inMachineTime } from "#dialect/clock"
import { causeOf, type SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import * as Schedule from "#effect/Schedule"
import { codeOf } from "../../internal/codeOf.js"
import type { Access } from "./access.js"
import { isTransient } from "./connection.js"
import { type Dialect, lockOf, migrationStatements, migrations, type TableName } from "./statements.js"

/** Returns all steps, and the record that they were taken, for apps whose migrations are run by hand. */
export const script = (dialect: Dialect, name: TableName): string => {
  const { create, record } = migrationStatements(dialect, name)
  const steps = migrations(dialect, name)
  return [...steps.flat(), create, ...steps.map((_, i) => record(i + 1))].map((text) => `${text};\n`).join("\n")
}

/** Takes the remaining steps. If there are none, it needs only the right to read. */
export const migrate = (sql: Access, name: TableName): Effect.Effect<void, SqlFailure> => {
  const { dialect } = sql
  const steps = migrations(dialect, name)
  const statements = migrationStatements(dialect, name)
  const lastStep = Effect.map(sql.unsafe(statements.last), ([row]) => Number(row?.["step"] ?? 0))
  const takeSteps = Effect.gen(function* () {
    yield* sql.unsafe(statements.create)
    const last = yield* lastStep
    for (const [i, texts] of steps.entries()) {
      if (i >= last) {
        for (const text of texts) {
          yield* sql.unsafe(text)
        }
        yield* sql.unsafe(statements.record(i + 1))
      }
    }
  })
  // The SQLite client would remember that the table did not exist.
  return (dialect === "sqlite" ? Effect.succeed(0) : lastStep).pipe(
    Effect.catch(() => Effect.succeed(0)),
    Effect.flatMap((last) =>
      last >= steps.length
        ? Effect.void
        : sql.withTransaction(exclusively(sql, name, takeSteps)).pipe(
            // The client dies if a COMMIT or ROLLBACK fails.
            Effect.catchDefect((defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect))),
            Effect.retry({
              schedule: Schedule.jittered(Schedule.spaced("100 millis")),
              times: 100,
              while: (error) => isTransient(codeOf(causeOf(error)) ?? "")
            }),
            inMachineTime
          )
    )
  )
}

const isSqlError = (defect: unknown): defect is SqlFailure =>
  defect instanceof Error && "_tag" in defect && defect._tag === "SqlError"

/**
 * Runs an effect while no other process does the same. SQLite allows one write at a time: the other processes get an
 * error and try again.
 */
const exclusively = (
  sql: Access,
  name: TableName,
  effect: Effect.Effect<void, SqlFailure>
): Effect.Effect<void, SqlFailure> => {
  const lock = lockOf(sql.dialect, "migrate", name)
  switch (sql.dialect) {
    case "sqlite":
      return effect
    case "postgres":
      // Without this lock, two processes that create a table at once fail, in spite of IF NOT EXISTS. The lock ends
      // with the transaction.
      return Effect.andThen(sql.unsafe(`SELECT pg_advisory_xact_lock(${lock})`), effect)
    case "mysql":
      return Effect.acquireUseRelease(
        sql.unsafe(`SELECT GET_LOCK(${lock}, 60)`),
        () => effect,
        () => Effect.ignore(sql.unsafe(`SELECT RELEASE_LOCK(${lock})`))
      )
  }
}
