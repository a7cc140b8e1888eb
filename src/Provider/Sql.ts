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
import { SessionError, unavailable } from "../SessionError.js"
import { checked, type Names } from "./internal/options.js"
import { expiry, withNow } from "./internal/time.js"
import * as Provider from "./Provider.js"
import * as SqlAccess from "./sql/access.js"
import type * as SqlConnection from "./sql/connection.js"
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
   * Whether PostgreSQL prepares the statements, once per connection. Default true. Set it to false behind a pooler that
   * shares connections between statements and does not support prepared ones (PgBouncer before 1.21, in transaction
   * mode). With Effect 4 an app's own client decides this itself: give it `prepare: false`.
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

/** Versions begin at random, so that an id that is created again does not get the revisions it had. */
const firstVersion = (): number => Math.floor(Math.random() * 2 ** 48)

const makeProvider = (
  connections: SqlConnection.Connections,
  name: SqlStatements.TableName,
  maxPayload: number
): Provider.Provider => {
  const { dialect, run } = connections
  const sql = Record.map(SqlStatements.statements(dialect, name), (text) => connections.statement(text))

  const read = makeRead(connections, name)
  const marked = connections.first(sql.marked, (row) =>
    row === undefined ? Option.none() : Option.some(row["payload"] as Uint8Array)
  )

  const insert = (key: Buffer, payload: Uint8Array, now: number, expiresAt: number) => {
    const version = firstVersion()
    const row = [key, toBuffer(payload), version, now, expiresAt]
    return Effect.map(run(sql.create, dialect === "mysql" ? row : [...row, now, -now]), ({ affected }) =>
      affected > 0 ? Provider.written(String(version), expiresAt) : Provider.exists
    )
  }

  /** If a compare-and-set changed nothing, reads why. */
  const compareAndSet = (
    statement: string,
    params: ReadonlyArray<unknown>,
    key: Buffer,
    revision: Provider.Revision,
    now: number,
    expiresAt: number,
    rest: ReadonlyArray<unknown> = []
  ): Effect.Effect<Provider.Written | Provider.Conflict | Provider.Gone, unknown> =>
    Effect.flatMap(
      run(statement, [...params, expiresAt, key, Number(revision), now, ...rest]),
      ({ affected }): Effect.Effect<Provider.Written | Provider.Conflict | Provider.Gone, unknown> =>
        affected > 0
          ? Effect.succeed(Provider.written(String(Number(revision) + 1), expiresAt))
          : Effect.map(read({ key, now }), (found): Provider.Conflict | Provider.Gone =>
              Option.isNone(found) ? Provider.gone : Provider.conflict(found.value)
            )
    )

  return Provider.make({
    name: dialect,
    capabilities: { ...Provider.defaultCapabilities, maxPayload },
    read: (id) => withKey(id, Effect.succeedNone, (key) => withNow((now) => read({ key, now }))),
    create: (id, payload, ttl) =>
      withKey(id, notHashed, (key) =>
        withNow((now) => {
          const expiresAt = expiry(now, ttl)
          const inserted = insert(key, payload, now, expiresAt)
          return dialect === "mysql"
            ? Effect.flatMap(inserted, (result) =>
                // The row that is in the way may have expired, which MySQL cannot check in the same statement.
                result._tag === "Written"
                  ? Effect.succeed(result)
                  : Effect.andThen(run(sql.destroyExpired, [key, now, -now]), insert(key, payload, now, expiresAt))
              )
            : inserted
        })
      ),
    write: (id, payload, ttl, revision) =>
      withKey(id, isGone, (key) =>
        withNow((now) => compareAndSet(sql.write, [toBuffer(payload)], key, revision, now, expiry(now, ttl)))
      ),
    touch: (id, ttl) =>
      withKey(id, isGone, (key) =>
        withNow((now) => {
          const expiresAt = expiry(now, ttl)
          return Effect.map(run(sql.touch, [expiresAt, key, now]), ({ affected }) =>
            affected > 0 ? Provider.touched(expiresAt) : Provider.gone
          )
        })
      ),
    exists: (id) =>
      withKey(id, Effect.succeed(false), (key) =>
        withNow((now) => Effect.map(run(sql.exists, [key, now]), ({ rows }) => rows.length > 0))
      ),
    destroy: (id, mark) =>
      withKey(id, Effect.void, (key) =>
        mark === undefined
          ? Effect.asVoid(run(sql.destroy, [key]))
          : withNow((now) => Effect.asVoid(run(sql.mark, [toBuffer(mark.content), -expiry(now, mark.ttl), key, now])))
      ),
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) =>
      withKey(oldId, isGone, (key) =>
        withKey(newId, notHashed, (newKey) =>
          withNow((now) =>
            compareAndSet(
              mark === undefined ? sql.regenerate : sql.regenerateMarked,
              [newKey, toBuffer(payload)],
              key,
              revision,
              now,
              expiry(now, ttl),
              mark === undefined
                ? []
                : [toBuffer(mark.content), -expiry(now, mark.ttl), ...(dialect === "postgres" ? [] : [key])]
            )
          )
        )
      ),
    marked: (id) => withKey(id, Effect.succeedNone, (key) => withNow((now) => marked(key, -now))),
    count: withNow((now) => Effect.map(run(sql.count, [now]), ({ rows: [row] }) => Number(row?.["sessions"]))),
    list: Stream.paginate(Buffer.alloc(0) as Buffer, (last) =>
      withNow((now) =>
        Effect.map(run(sql.ids, [last, now]), ({ rows }) => {
          const keys = rows.map((row) => toBuffer(row["id"] as Uint8Array))
          return [
            keys.map((key) => key.toString("base64url") as Provider.StoredId),
            keys.length < SqlStatements.pageSize ? Option.none() : Option.some(keys[keys.length - 1]!)
          ]
        })
      )
    ),
    gc: SqlGc.collect(connections, sql, name)
  })
}

/** MySQL has a limit for a whole statement, and some clients for a row. Both hold the payload and some other bytes. */
const maxPayloadOf = ({ dialect, longestRow, unsafe }: SqlAccess.Access): Effect.Effect<number, SqlFailure> =>
  Effect.map(
    dialect === "mysql"
      ? Effect.map(unsafe("SELECT @@max_allowed_packet AS bytes"), ([row]) => Number(row!["bytes"]))
      : Effect.succeed(longestRow),
    (longest) => Math.min(Provider.defaultCapabilities.maxPayload, longest - 1024)
  )

const longestName = 48

/** @internal */
export const checkNames = (name: SqlStatements.TableName): Effect.Effect<void, SessionError> =>
  Effect.forEach(
    Object.entries(name),
    ([option, value]) =>
      // Leaves room for derived names. Drivers take a ? for a parameter.
      value === undefined || (/^[^\0?]+$/.test(value) && Buffer.byteLength(value) <= longestName)
        ? Effect.void
        : Effect.fail(
            new SessionError({
              reason: "InvalidConfig",
              message: `${option}: expected a name of 1 to ${longestName} bytes, without a question mark`
            })
          ),
    { discard: true }
  )

/** @internal */
export const fromAccess = (sql: SqlAccess.Access, options: Options): Effect.Effect<Provider.Provider, SessionError> => {
  const name = tableName(options)
  const step = <A>(operation: string, effect: Effect.Effect<A, SqlFailure>) =>
    Effect.mapError(sql.outside(effect), (error) => unavailable(sql.dialect, operation, causeOf(error)))
  return Effect.gen(function* () {
    yield* checkNames(name)
    if (options.migrate !== false) {
      yield* step("migrate", SqlMigrations.migrate(sql, name))
    }
    const maxPayload = yield* step("connect", maxPayloadOf(sql))
    const provider = makeProvider(yield* step("connect", sql.connect), name, maxPayload)
    // If the table is missing or has another form, this fails now.
    yield* provider.read(nobody)
    return provider
  })
}

/**
 * @internal
 * @param owned Whether only the provider uses the client.
 */
export const fromClient = (
  client: SqlClient,
  options: Options,
  owned: boolean
): Effect.Effect<Provider.Provider, SessionError> => {
  const sql = SqlAccess.ofClient(client, { owned, prepared: options.prepared !== false })
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
  Effect.flatMap(SqlClient, (client) => fromClient(client, options, false))

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
