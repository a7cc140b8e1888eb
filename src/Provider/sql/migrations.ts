/**
 * Brings the tables up to date, however many processes start at once.
 */
import { inMachineTime } from "#dialect/clock"
import { causeOf, type SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import * as Schedule from "#effect/Schedule"
import { codeOf } from "../../internal/codeOf.js"
import { SessionError } from "../../SessionError.js"
import type { Access, Unsafe } from "./access.js"
import { isMissing, isTransient, refused } from "./failures.js"
import { type Dialect, lockOf, look, migrationStatements, migrations, peopleOf, type TableName } from "./statements.js"

const statementsFrom = (dialect: Dialect, name: TableName, taken: number): ReadonlyArray<string> => {
  const { create, record } = migrationStatements(dialect, name)
  const steps = migrations(dialect, name)
  return [...steps.slice(taken).flat(), create, ...steps.map((_, i) => record(i + 1)).slice(taken)]
}

/** Returns all steps, and the record that they were taken, for apps whose migrations are run by hand. */
export const script = (dialect: Dialect, name: TableName): string =>
  statementsFrom(dialect, name, 0)
    .map((text) => `${text};\n`)
    .join("\n")

/** The statements of the steps that are left, in one line. */
const remaining = (dialect: Dialect, name: TableName, taken: number): string =>
  statementsFrom(dialect, name, taken)
    .map((text) => `${text.replaceAll(/\n */g, " ")};`)
    .join(" ")

/** Fails if the table of people's records, which earlier versions did not have, is missing. */
export const missing = (sql: Access, name: TableName): Effect.Effect<void, SqlFailure | SessionError> => {
  const people = peopleOf(name)
  return Effect.catch(
    sql.unsafe(look(sql.dialect, people)),
    (error): Effect.Effect<unknown, SqlFailure | SessionError> =>
      isMissing(causeOf(error))
        ? new SessionError({
            reason: "Unavailable",
            message: `${sql.dialect}: the table ${people.table} is missing: restart the app with the option migrate at its default, true, or run: ${remaining(sql.dialect, name, 1)}`
          })
        : Effect.fail(error)
  ).pipe(Effect.asVoid)
}

/** Takes the remaining steps. If there are none, it needs only the right to read. */
export const migrate = (sql: Access, name: TableName): Effect.Effect<void, SqlFailure | SessionError> => {
  const { dialect } = sql
  const steps = migrations(dialect, name)
  const statements = migrationStatements(dialect, name)
  const lastStep = (unsafe: Unsafe) => Effect.map(unsafe(statements.last), ([row]) => Number(row?.["step"] ?? 0))
  // A table that somebody dropped is made again, although its steps are recorded: each can be taken twice.
  // A client of SQLite would remember that it did not exist.
  const taken =
    dialect === "sqlite"
      ? Effect.succeed(0)
      : Effect.gen(function* () {
          yield* sql.unsafe(look(dialect, name))
          const last = yield* lastStep(sql.unsafe)
          return last < steps.length
            ? last
            : yield* Effect.match(sql.unsafe(look(dialect, peopleOf(name))), {
                onSuccess: () => last,
                onFailure: () => 1
              })
        }).pipe(Effect.catch(() => Effect.succeed(0)))
  const takeSteps = (unsafe: Unsafe, last: number) =>
    Effect.gen(function* () {
      yield* unsafe(statements.create)
      for (const [i, texts] of steps.entries()) {
        if (i >= last) {
          for (const text of texts) {
            yield* unsafe(text)
          }
          yield* unsafe(statements.record(i + 1))
        }
      }
    })
  return Effect.flatMap(taken, (last) =>
    last >= steps.length
      ? Effect.void
      : sql
          .transaction((unsafe) => exclusively(dialect, unsafe, name, takeSteps(unsafe, last)))
          .pipe(
            // The client dies if a COMMIT or ROLLBACK fails.
            Effect.catchDefect((defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect))),
            Effect.retry({
              schedule: Schedule.jittered(Schedule.spaced("100 millis")),
              times: 100,
              while: (error) => isTransient(codeOf(causeOf(error)) ?? "")
            }),
            inMachineTime,
            Effect.mapError((error) => refused(dialect, causeOf(error), remaining(dialect, name, last)))
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
