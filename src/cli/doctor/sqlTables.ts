/**
 * The tables of sessions as `doctor` finds them: there or not, and at which step of their migrations.
 */
import { causeOf } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import type { SessionConfig } from "../../Manager/configSchema.js"
import type { Access } from "../../Provider/sql/access.js"
import type { Row } from "../../Provider/sql/connection.js"
import { isMissing, worded } from "../../Provider/sql/failures.js"
import {
  look,
  migrationStatements,
  migrations,
  names,
  peopleOf,
  type TableName
} from "../../Provider/sql/statements.js"
import { type Finding, ok, warning, wrong } from "./finding.js"

export interface Database {
  readonly access: Access
  readonly name: TableName
  readonly migrate: boolean
  readonly config: SessionConfig
}

/** Asks, and fails with words that may be shown. */
export const ask = (
  { unsafe }: Access,
  text: string,
  params?: ReadonlyArray<unknown>
): Effect.Effect<ReadonlyArray<Row>, unknown> =>
  Effect.mapError(unsafe(text, params), (error) => worded(causeOf(error)))

const ddl = "run the SQL of docs/format.md, which Sql.ddl returns"

/** Which of the two tables are missing. */
export const missingOf = ({ access, name }: Database) =>
  Effect.map(
    Effect.forEach([name, peopleOf(name)], (one) =>
      Effect.match(access.unsafe(look(access.dialect, one)), {
        onSuccess: () => [],
        onFailure: (error) => (isMissing(causeOf(error)) ? [one.table] : [])
      })
    ),
    (missing) => missing.flat()
  )

/** Whether the user may create tables, where the database tells. */
const creatable = ({ access, name }: Database): Effect.Effect<boolean | undefined> =>
  access.dialect === "postgres"
    ? Effect.match(
        access.unsafe("SELECT has_schema_privilege(COALESCE($1::text, current_schema()), 'CREATE') AS may", [
          name.schema ?? null
        ]),
        { onSuccess: ([row]) => row?.["may"] === true, onFailure: () => false }
      )
    : Effect.succeed(undefined)

export const tables = (database: Database): Effect.Effect<ReadonlyArray<Finding>, unknown> =>
  Effect.flatMap(missingOf(database), (missing) => {
    const { access, migrate, name } = database
    if (missing.length > 0) {
      const what = `there is no table ${missing.join(", and none ")}`
      return Effect.map(creatable(database), (may) => [
        !migrate
          ? wrong(`${what}, and SESSION_MIGRATE is false: no session can be kept`, ddl)
          : may === false
            ? wrong(
                `${what}, and the app cannot make it: the user may not create tables in this schema, or there is no such schema`,
                `GRANT CREATE ON SCHEMA, or as its owner ${ddl}; or correct SESSION_SCHEMA`
              )
            : warning(
                `${what}: the app makes it when it starts${may === undefined ? ", for which its user needs the right to create tables" : ""}`,
                `start the app, or ${ddl}; then run doctor again: rights could not be tried`
              )
      ])
    }
    const steps = migrations(access.dialect, name).length
    return Effect.match(access.unsafe(migrationStatements(access.dialect, name).last), {
      onSuccess: ([row]) => {
        const step = Number(row?.["step"] ?? 0)
        return step < steps
          ? [
              warning(
                `the tables are at step ${step} of ${steps} of their migrations`,
                migrate ? "start the app, which takes the others" : ddl
              )
            ]
          : step > steps
            ? [
                warning(
                  `the tables are at step ${step} of their migrations, and this version knows ${steps}`,
                  "run doctor of the version that the app has"
                )
              ]
            : [ok(`the tables are there, and up to date (step ${step})`)]
      },
      onFailure: (error) =>
        isMissing(causeOf(error))
          ? [
              warning(
                `there is no table ${name.table}_migrations: nothing says which steps of the schema were taken`,
                migrate ? "start the app, which makes it" : ddl
              )
            ]
          : [
              warning(
                `the user may not read the table ${name.table}_migrations`,
                `GRANT SELECT ON ${names(access.dialect, name).migrations} to the user`
              )
            ]
    })
  })
