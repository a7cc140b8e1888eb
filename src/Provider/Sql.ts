/**
 * Sessions in the database that the app already has: PostgreSQL, MySQL (and MariaDB) or SQLite, through `SqlClient` of
 * @effect/sql.
 *
 * @since 3.0.0
 */

import { causeOf, SqlClient, type SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { SessionError } from "../SessionError.js"
import { checked, type Names } from "./internal/options.js"
import * as Provider from "./Provider.js"
import * as SqlAccess from "./sql/access.js"
import { callsOn } from "./sql/calls.js"
import * as SqlChecks from "./sql/checks.js"
import type * as SqlConnection from "./sql/connection.js"
import { failed } from "./sql/failures.js"
import * as SqlGc from "./sql/gc.js"
import * as SqlMigrations from "./sql/migrations.js"
import * as SqlStatements from "./sql/statements.js"

/**
 * A database that can hold the table of sessions.
 *
 * @since 3.0.0
 * @category models
 */
export type Dialect = SqlStatements.Dialect

/**
 * The options of sessions in the app's own database.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The name of the table. Default `effect_session`. The records of people are in a second one, with `_principals` after
   * its name.
   */
  readonly table?: string | undefined
  /**
   * The schema (PostgreSQL), database (MySQL) or attached file (SQLite) of the table. Default: that of the connection.
   */
  readonly schema?: string | undefined
  /**
   * Whether to create the tables, or bring them up to date, when the layer is built. Default true; {@link ddl} returns the
   * SQL.
   */
  readonly migrate?: boolean | undefined
  /**
   * Whether PostgreSQL prepares the statements, once per connection. Default: until a pooler such as PgBouncer has lost
   * one. With Effect 4 an app's own client decides this itself: behind a pooler give it `prepare: false`.
   */
  readonly prepared?: boolean | undefined
}

const tableName = (options: Options): SqlStatements.TableName => ({
  table: options.table ?? "effect_session",
  schema: options.schema
})

/**
 * Returns the SQL that creates the tables, for apps whose migrations are run by hand.
 *
 * @example
 * import * as Sql from "effect-session/sql"
 *
 * console.log(Sql.ddl("postgres"))
 *
 * @since 3.0.0
 * @category migrations
 */
export const ddl = (dialect: Dialect, options: Pick<Options, "table" | "schema"> = {}): string =>
  SqlMigrations.script(dialect, tableName(options))

/** An id that nothing has. */
const nobody = "A".repeat(43) as Provider.StoredId

const makeProvider = (
  connections: SqlConnection.Connections,
  name: SqlStatements.TableName,
  maxPayload: number
): Provider.Provider => {
  const people = SqlStatements.peopleOf(name)
  const { create, destroy, read, write } = callsOn(connections, people)
  return Provider.make({
    ...callsOn(connections, name),
    name: connections.dialect,
    capabilities: { ...Provider.defaultCapabilities, maxPayload },
    principals: { read, create, write, destroy: (id) => destroy(id) },
    gc: SqlGc.collect(connections, name, people)
  })
}

/** @internal */
export const fromAccess = (sql: SqlAccess.Access, options: Options): Effect.Effect<Provider.Provider, SessionError> => {
  const name = tableName(options)
  const step = <A>(operation: string, effect: Effect.Effect<A, SqlFailure | SessionError>) =>
    Effect.mapError(sql.outside(effect), (error) =>
      error._tag === "SessionError" ? error : failed(sql.dialect, operation, causeOf(error))
    )
  return Effect.gen(function* () {
    yield* SqlChecks.names(name)
    if (options.migrate !== false) {
      yield* step("migrate", SqlMigrations.migrate(sql, name))
    }
    yield* step("connect", SqlChecks.engine(sql, name))
    yield* step("connect", SqlChecks.engine(sql, SqlStatements.peopleOf(name)))
    const maxPayload = yield* step("connect", SqlChecks.maxPayloadOf(sql))
    const provider = makeProvider(yield* step("connect", sql.connect), name, maxPayload)
    // If a table is missing or has another form, this fails now.
    yield* provider.read(nobody)
    yield* step("connect", SqlMigrations.missing(sql, name))
    yield* provider.principals!.read(nobody)
    return provider
  })
}

const fromClient = (client: SqlClient, options: Options): Effect.Effect<Provider.Provider, SessionError> => {
  const sql = SqlAccess.ofClient(client, { prepared: options.prepared !== false })
  return sql === undefined
    ? new SessionError({
        reason: "InvalidConfig",
        message: "sql: the SqlClient's dialect is none of PostgreSQL, MySQL and SQLite"
      })
    : fromAccess(sql, options)
}

/**
 * Makes a provider on the app's `SqlClient`, whose connections it shares. Its statements are never part of a
 * transaction that the app has open. Fails with `Unavailable` if the database cannot be reached or the table cannot be
 * created, and with `InvalidConfig` if the names or the dialect cannot be used.
 *
 * @example
 * import * as Sql from "effect-session/sql"
 *
 * const provider = Sql.make({ table: "web_session" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Provider.Provider, SessionError, SqlClient> =>
  Effect.flatMap(SqlClient, (client) => fromClient(client, options))

const names: Names<Options> = { table: "optional", schema: "optional", migrate: "optional", prepared: "optional" }

/**
 * Provides sessions in the database of the app's `SqlClient`. Fails with `Unavailable` if the database cannot be
 * reached or the table cannot be created, and with `InvalidConfig` if an option is wrong.
 *
 * @example
 * import { PgClient } from "@effect/sql-pg"
 * import { Layer, Redacted } from "effect"
 * import { SessionLayer } from "effect-session"
 * import * as Sql from "effect-session/sql"
 *
 * const Database = PgClient.layer({ url: Redacted.make("postgres://localhost/app") })
 * const SessionLive = SessionLayer.make(Sql.layer()).pipe(Layer.provide(Database))
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError, SqlClient> =>
  Layer.effect(Provider.SessionProvider, checked(names, options, make))
