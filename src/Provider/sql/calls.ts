/**
 * The operations on a table: on sessions, or on the records of people, which are kept in the same way.
 */
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Record from "#effect/Record"
import * as Stream from "#effect/Stream"
import { toBuffer } from "../../internal/bytes.js"
import { SessionError } from "../../SessionError.js"
import { after, lifetime, withNow } from "../internal/time.js"
import * as Provider from "../Provider.js"
import type { Connections, Result } from "./connection.js"
import { makeRead } from "./read.js"
import { pageSize, statements as statementsOf, type TableName, type Values } from "./statements.js"

/** The SHA-256 of a session id, in base64url. The table holds its 32 bytes, and no session under any other id. */
const hashedId = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

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

/** The operations on the sessions of a table, or on what is kept in the same way. */
export const callsOn = (connections: Connections, name: TableName): Omit<Provider.Calls<unknown>, "gc"> => {
  const { dialect } = connections
  const statements = statementsOf(dialect, name)
  const sql = Record.map(statements, ({ parameters, text }) => {
    const statement = connections.statement(text)
    const run = text.startsWith("SELECT") ? connections.run : connections.write
    return (values: Partial<Values>) =>
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
    statement: (values: Partial<Values>) => Effect.Effect<Result, unknown>,
    values: Partial<Values> & Pick<Values, "id" | "now" | "ttl">,
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

  return {
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
            keys.length < pageSize ? Option.none() : Option.some(keys[keys.length - 1]!)
          ]
        })
      )
    )
  }
}

const left = (mark: Provider.Mark | undefined) =>
  mark === undefined ? undefined : { mark: toBuffer(mark.content), markTtl: lifetime(mark.ttl) }
