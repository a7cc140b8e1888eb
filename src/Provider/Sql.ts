/**
 * Sessions in the database that the app already has: PostgreSQL, MySQL (and MariaDB) or SQLite, through `SqlClient` of
 * @effect/sql.
 *
 * @since 3.0.0
 */

import { causeOf, SqlClient, type SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Record from "#effect/Record"
import * as Stream from "#effect/Stream"
import { toBuffer } from "../internal/bytes.js"
import { SessionError } from "../SessionError.js"
import { checked, type Names } from "./internal/options.js"
import { after, lifetime, withNow } from "./internal/time.js"
import * as Provider from "./Provider.js"
import * as SqlAccess from "./sql/access.js"
import * as SqlChecks from "./sql/checks.js"
import type * as SqlConnection from "./sql/connection.js"
import { failed } from "./sql/failures.js"
import * as SqlGc from "./sql/gc.js"
import * as SqlMigrations from "./sql/migrations.js"
import { makeRead } from "./sql/read.js"
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
  /** The name of the table. Default `effect_session`. */
  readonly table?: string | undefined
  /**
   * The schema (PostgreSQL), database (MySQL) or attached file (SQLite) of the table. Default: that of the connection.
   */
  readonly schema?: string | undefined
  /**
   * Whether to create the table, or bring it up to date, when the layer is built. Default true; {@link ddl} returns the
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
 * Returns the SQL that creates the table, for apps whose migrations are run by hand.
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

/** The SHA-256 of a session id, in base64url. The table holds its 32 bytes, and no session under any other id. */
const hashedId = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** An id that no session has. */
const nobody = "A".repeat(43) as Provider.StoredId

const withKey = <A, B>(
  id: Provider.StoredId,
  otherwise: Effect.Effect<A, unknown>,
  use: (key: Buffer) => Effect.Effect<B, unknown>
): Effect.Effect<A | B, unknown> => (hashedId.test(id) ? use(Buffer.from(id, "base64url")) : otherwise)

const isGone = Effect.succeed(Provider.gone)

const notHashed = Effect.fail(
  new SessionError({
    reason: "Unsupported",
    message: "sql: the session table keeps hashed ids only: leave the option id.hashed at its default, true"
  })
)

/**
 * The version that a write makes: one that only this write can have made, so that a write whose answer was lost can be
 * told from that of another, and an id that is created again does not get the revisions it had.
 */
const newVersion = (): number => Math.floor(Math.random() * 2 ** 52)

type Outcome = Provider.Written | Provider.Conflict | Provider.Gone

const makeProvider = (
  connections: SqlConnection.Connections,
  name: SqlStatements.TableName,
  maxPayload: number
): Provider.Provider => {
  const { dialect } = connections
  const statements = SqlStatements.statements(dialect, name)
  const sql = Record.map(statements, ({ parameters, text }) => {
    const statement = connections.statement(text)
    const run = text.startsWith("SELECT") ? connections.run : connections.write
    return (values: Partial<SqlStatements.Values>) =>
      run(
        statement,
        parameters.map((parameter) => values[parameter])
      )
  })

  const read = makeRead(connections, name)
  const marked = connections.first(connections.statement(statements.marked.text), (row) =>
    row === undefined ? Option.none() : Option.some(row["payload"] as Uint8Array)
  )

  const insert = (id: Buffer, payload: Uint8Array, now: number, ttl: number) => {
    const next = newVersion()
    const written = Provider.written(String(next), after(now, ttl))
    return Effect.flatMap(sql.create({ id, payload: toBuffer(payload), next, now, ttl }), ({ affected, repeated }) =>
      affected > 0
        ? Effect.succeed(written)
        : repeated
          ? // The first attempt may have made it.
            Effect.map(read({ key: id, now }), (found) =>
              Option.isSome(found) && found.value.revision === written.revision ? written : Provider.exists
            )
          : Effect.succeed(Provider.exists)
    )
  }

  /** If a compare-and-set changed nothing, reads why. `at` is where the session is if it succeeds. */
  const compareAndSet = (
    statement: (values: Partial<SqlStatements.Values>) => Effect.Effect<SqlConnection.Result, unknown>,
    values: Partial<SqlStatements.Values> & Pick<SqlStatements.Values, "id" | "now" | "ttl">,
    revision: Provider.Revision,
    at: Buffer
  ): Effect.Effect<Outcome, unknown> => {
    const { id, now, ttl } = values
    const next = newVersion()
    const written = Provider.written(String(next), after(now, ttl))
    const why = Effect.suspend(() =>
      Effect.map(
        read({ key: id, now }),
        (found): Outcome => (Option.isNone(found) ? Provider.gone : Provider.conflict(found.value))
      )
    )
    return Effect.flatMap(
      statement({ ...values, version: Number(revision), next }),
      ({ affected, repeated }): Effect.Effect<Outcome, unknown> => {
        if (affected > 0) {
          return Effect.succeed(written)
        }
        return repeated === undefined
          ? why
          : // The first attempt may have made it, and another may have changed it since: then nobody can tell.
            Effect.flatMap(
              read({ key: at, now }),
              (found): Effect.Effect<Outcome, unknown> =>
                Option.isSome(found) && found.value.revision === written.revision
                  ? Effect.succeed(written)
                  : Effect.filterOrFail(
                      why,
                      ({ _tag }) => _tag === "Gone",
                      () => repeated
                    )
            )
      }
    )
  }

  return Provider.make({
    name: dialect,
    capabilities: { ...Provider.defaultCapabilities, maxPayload },
    read: (id) => withKey(id, Effect.succeedNone, (key) => withNow((now) => read({ key, now }))),
    create: (id, payload, ttl) =>
      withKey(id, notHashed, (key) =>
        withNow((now) => {
          const inserted = insert(key, payload, now, lifetime(ttl))
          return dialect === "mysql"
            ? Effect.flatMap(inserted, (result) =>
                // The row that is in the way may have expired, which MySQL cannot check in the same statement.
                result._tag === "Written"
                  ? Effect.succeed(result)
                  : Effect.andThen(sql.destroyExpired({ id: key }), insert(key, payload, now, lifetime(ttl)))
              )
            : inserted
        })
      ),
    write: (id, payload, ttl, revision) =>
      withKey(id, isGone, (key) =>
        withNow((now) =>
          compareAndSet(sql.write, { id: key, payload: toBuffer(payload), now, ttl: lifetime(ttl) }, revision, key)
        )
      ),
    touch: (id, ttl) =>
      withKey(id, isGone, (key) =>
        withNow((now) =>
          Effect.map(sql.touch({ id: key, now, ttl: lifetime(ttl) }), ({ affected }) =>
            affected > 0 ? Provider.touched(after(now, lifetime(ttl))) : Provider.gone
          )
        )
      ),
    exists: (id) =>
      withKey(id, Effect.succeed(false), (key) =>
        withNow((now) => Effect.map(sql.exists({ id: key, now }), ({ rows }) => rows.length > 0))
      ),
    destroy: (id, mark) =>
      withKey(id, Effect.void, (key) =>
        mark === undefined
          ? Effect.asVoid(sql.destroy({ id: key }))
          : withNow((now) => Effect.asVoid(sql.mark({ id: key, now, ...left(mark) })))
      ),
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) =>
      withKey(oldId, isGone, (key) =>
        withKey(newId, notHashed, (newKey) =>
          withNow((now) =>
            compareAndSet(
              mark === undefined ? sql.regenerate : sql.regenerateMarked,
              { id: key, newId: newKey, payload: toBuffer(payload), now, ttl: lifetime(ttl), ...left(mark) },
              revision,
              newKey
            )
          )
        )
      ),
    marked: (id) =>
      withKey(id, Effect.succeedNone, (key) =>
        withNow((now) => marked(dialect === "sqlite" ? [key, now] : [key], now))
      ),
    count: withNow((now) => Effect.map(sql.count({ now }), ({ rows: [row] }) => Number(row?.["sessions"]))),
    list: Stream.paginate(Buffer.alloc(0) as Buffer, (last) =>
      withNow((now) =>
        Effect.map(sql.ids({ last, now }), ({ rows }) => {
          const keys = rows.map((row) => toBuffer(row["id"] as Uint8Array))
          return [
            keys.map((key) => key.toString("base64url") as Provider.StoredId),
            keys.length < SqlStatements.pageSize ? Option.none() : Option.some(keys[keys.length - 1]!)
          ]
        })
      )
    ),
    gc: SqlGc.collect(connections, statements, name)
  })
}

const left = (mark: Provider.Mark | undefined) =>
  mark === undefined ? undefined : { mark: toBuffer(mark.content), markTtl: lifetime(mark.ttl) }

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
    const maxPayload = yield* step("connect", SqlChecks.maxPayloadOf(sql))
    const provider = makeProvider(yield* step("connect", sql.connect), name, maxPayload)
    // If the table is missing or has another form, this fails now.
    yield* provider.read(nobody)
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
