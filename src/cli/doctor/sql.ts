/**
 * What `doctor` looks at in any database: the tables, their indexes, the user's rights and the rows. Nothing is changed, and
 * the tables are not made.
 */
import { causeOf } from "#dialect/sql"
import * as Clock from "#effect/Clock"
import * as Config from "#effect/Config"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import type { SessionConfig } from "../../Manager/configSchema.js"
import * as Environment from "../../Provider/internal/environment.js"
import * as Sql from "../../Provider/Sql.js"
import type { Access } from "../../Provider/sql/access.js"
import { isForbidden, isTransient } from "../../Provider/sql/failures.js"
import { kept } from "../../Provider/sql/gc.js"
import { clock, names, peopleOf, type TableName } from "../../Provider/sql/statements.js"
import { type Check, type Finding, foundOr, lateness, many, staying, warning, wrong } from "./finding.js"
import type { Opened } from "./opened.js"
import { ask, type Database, missingOf, tables } from "./sqlTables.js"

/** The variables that all databases have. */
export const table = Config.all(Environment.table)

export interface Table {
  readonly table?: string | undefined
  readonly schema?: string | undefined
  readonly migrate?: boolean | undefined
}

/** A statement for each right, which finds no row to change. */
const statementsFor = (table: string): ReadonlyArray<readonly [right: string, statement: string]> => [
  ["SELECT", `SELECT 1 FROM ${table} WHERE expires_at = 0`],
  [
    "INSERT",
    `INSERT INTO ${table} (id, payload, version, created_at, expires_at) SELECT NULL, NULL, NULL, NULL, NULL FROM (SELECT 1 AS n) AS one WHERE n = 0`
  ],
  ["UPDATE", `UPDATE ${table} SET version = 0 WHERE 1 = 0`],
  ["DELETE", `DELETE FROM ${table} WHERE 1 = 0`]
]

/** The rights that the user lacks on a table. Another failure, such as a read-only server, is for another check. */
const lacking = ({ access }: Database, table: string) =>
  Effect.map(
    Effect.forEach(statementsFor(table), ([right, statement]) =>
      Effect.match(access.unsafe(statement), {
        onSuccess: () => [],
        onFailure: (error) => (isForbidden(causeOf(error)) ? [right] : [])
      })
    ),
    (lacking) => lacking.flat()
  )

const rights = (database: Database): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(
    Effect.forEach([database.name, peopleOf(database.name)], (name) => {
      const { table } = names(database.access.dialect, name)
      return Effect.map(
        lacking(database, table),
        (rights) =>
          rights.length > 0 &&
          wrong(
            `the user lacks ${rights.join(", ")} on ${name.table}`,
            `as the table's owner: GRANT ${rights.join(", ")} ON ${table} TO the user of SESSION_URL`
          )
      )
    }),
    (found) => foundOr("the user may read and change the tables", found)
  )

/** Whether an index begins with the expiry: removing what has expired reads the whole table without. */
const hasIndex = ({ access }: Database, { schema, table }: TableName): Effect.Effect<boolean, unknown> => {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
  const [text, params] = {
    postgres: [
      "SELECT 1 FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = to_regclass($1) AND a.attname = 'expires_at' AND i.indisvalid AND i.indpred IS NULL",
      [names("postgres", { schema, table }).table]
    ] as const,
    mysql: [
      "SELECT 1 FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND COLUMN_NAME = 'expires_at'",
      [schema ?? null, table]
    ] as const,
    sqlite: [
      `SELECT 1 FROM pragma_index_list(${quoted(table)}${schema === undefined ? "" : `, ${quoted(schema)}`}) AS l JOIN pragma_index_info(l.name) AS i WHERE i.seqno = 0 AND i.name = 'expires_at'`,
      []
    ] as const
  }[access.dialect]
  return Effect.map(ask(access, text, params), (rows) => rows.length > 0)
}

const indexes = (database: Database): Effect.Effect<ReadonlyArray<Finding>, unknown> =>
  Effect.map(
    Effect.forEach([database.name, peopleOf(database.name)], (name) =>
      Effect.map(
        hasIndex(database, name),
        (has) =>
          !has &&
          warning(
            `${name.table} has no index on expires_at: to remove what has expired reads the whole table, once a minute`,
            "CREATE INDEX ON that column, as docs/format.md has it"
          )
      )
    ),
    (found) => foundOr("the expiry has its indexes", found)
  )

/** More rows than this are not counted. */
const most = 10_000

const rows = (database: Database): Effect.Effect<ReadonlyArray<Finding>, unknown> =>
  Effect.flatMap(Clock.currentTimeMillis, (millis) => {
    const { access, config, name } = database
    const { dialect } = access
    const now = dialect === "sqlite" ? String(millis) : clock[dialect]
    const { table } = names(dialect, name)
    const count = (condition: string) =>
      Effect.map(
        ask(access, `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} WHERE ${condition} LIMIT ${most}) AS counted`),
        ([row]) => Number(row!["n"])
      )
    const late = lateness + (dialect === "sqlite" ? kept : 0)
    const longest = Duration.max(config.absoluteTimeout, config.remember.absoluteTimeout)
    const slack = 24 * 60 * 60 * 1000
    return Effect.map(
      Effect.all([
        count(`expires_at > 0 AND expires_at < ${now} - ${late}`),
        count("expires_at = 0"),
        Duration.isFinite(longest)
          ? count(`expires_at > ${now} + ${Math.ceil(Duration.toMillis(longest)) + slack}`)
          : Effect.succeed(0)
      ]),
      ([expired, none, absurd]) => {
        return foundOr("the expiries are as they should be, and what has expired is removed", [
          expired >= many && staying(`${number(expired)} sessions`, late),
          none > 0 &&
            warning(
              `${number(none)} rows have the expiry 0: they are neither sessions nor removed`,
              `something else wrote them: DELETE FROM ${table} WHERE expires_at = 0`
            ),
          absurd > 0 &&
            warning(
              `${number(absurd)} sessions end more than a day later than the options allow: a timeout was lowered, or a clock was wrong`,
              "their users stay signed in for as long; end them with `effect-session end`, or set SESSION_VALID_FROM"
            )
        ])
      }
    )
  })

const number = (n: number): string => (n >= most ? `${most} or more` : String(n))

/** Skips what needs the tables where there are none; that is told already. */
const withTables = (database: Database, check: Check): Check => ({
  name: check.name,
  look: Effect.flatMap(missingOf(database), (missing) =>
    missing.length > 0 ? Effect.succeed<ReadonlyArray<Finding>>([]) : check.look
  )
})

/** A busy file, or a deadlock, has nothing wrong. */
const patiently = (check: Check): Check => ({
  name: check.name,
  look: Effect.retry(check.look, { times: 5, while: (error) => isTransient(codeOf(error) ?? "") })
})

/** `of` are the checks of one kind of database. */
export const opened = (
  access: Access,
  { migrate = true, schema, table = "effect_session" }: Table,
  config: SessionConfig,
  of: (access: Access, name: TableName) => ReadonlyArray<Check>
): Opened => {
  const name = { table, schema }
  const database: Database = { access, name, migrate, config }
  const shared: ReadonlyArray<Check> = [
    { name: "the user's rights", look: rights(database) },
    { name: "the indexes", look: indexes(database) },
    { name: "the rows", look: rows(database) }
  ]
  return {
    checks: [
      ...of(access, name),
      { name: "the tables", look: tables(database) },
      ...shared.map((check) => withTables(database, check))
    ].map(patiently),
    untried: Effect.map(missingOf(database), (missing) => (missing.length > 0 ? "there are no tables yet" : undefined)),
    provider: Sql.fromAccess(access, { table, schema, migrate: false })
  }
}
