/**
 * Brings the session table up to date, however many processes start at once.
 */
import { inMachineTime } from "#dialect/clock"
import { causeOf, type SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import * as Schedule from "#effect/Schedule"
import { codeOf } from "../../internal/codeOf.js"
import type { Access, Unsafe } from "./access.js"
import { isTransient } from "./failures.js"
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
  const lastStep = (unsafe: Unsafe) => Effect.map(unsafe(statements.last), ([row]) => Number(row?.["step"] ?? 0))
  // A table that somebody dropped is made again, although its steps are recorded: each can be taken twice.
  // A client of SQLite would remember that it did not exist.
  const taken =
    dialect === "sqlite"
      ? Effect.succeed(0)
      : Effect.catch(Effect.andThen(sql.unsafe(statements.look), lastStep(sql.unsafe)), () => Effect.succeed(0))
  const takeSteps = (unsafe: Unsafe) =>
    Effect.gen(function* () {
      yield* unsafe(statements.create)
      for (const [i, texts] of steps.entries()) {
        for (const text of texts) {
          yield* unsafe(text)
        }
        yield* unsafe(statements.record(i + 1))
      }
    })
  return Effect.flatMap(taken, (last) =>
    last >= steps.length
      ? Effect.void
      : sql
          .transaction((unsafe) => exclusively(dialect, unsafe, name, takeSteps(unsafe)))
          .pipe(
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
}

const isSqlError = (defect: unknown): defect is SqlFailure =>
  defect instanceof Error && "_tag" in defect && defect._tag === "SqlError"

/**
 * Runs an effect while no other process does the same. SQLite allows one write at a time: the other processes get an
 * error and try again. The nodes of a Galera cluster do not hold one another back: there the steps run twice.
 */
const exclusively = (
  dialect: Dialect,
  unsafe: Unsafe,
  name: TableName,
  effect: Effect.Effect<void, SqlFailure>
): Effect.Effect<void, SqlFailure> => {
  const lock = lockOf(dialect, "migrate", name)
  switch (dialect) {
    case "sqlite":
      return effect
    case "postgres":
      // Without this lock, two processes that create a table at once fail, in spite of IF NOT EXISTS. The lock ends
      // with the transaction.
      return Effect.andThen(unsafe(`SELECT pg_advisory_xact_lock(${lock})`), effect)
    case "mysql":
      return Effect.acquireUseRelease(
        unsafe(`SELECT GET_LOCK(${lock}, 60)`),
        () => effect,
        () => Effect.ignore(unsafe(`SELECT RELEASE_LOCK(${lock})`))
      )
  }
}
