// The tables of express-session's stores, as tests see them: the real store beside the provider, rows, and the conformance suite, whose
// payloads are no JSON.
import { createRequire } from "node:module"
import { type SessionError, SessionProvider } from "effect-session"
import type session from "express-session"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import { expect } from "#test/vitest"
import type { Layout } from "../../../src/Provider/foreign/sql.js"
import { conformsInTables } from "../../provider/conforms.js"
import { type Database, execute } from "../../provider/sqlDatabases.js"

export const hour = Duration.hours(1)

/** CommonJS without types. */
export const require = createRequire(import.meta.url)

export interface TableOptions {
  readonly table?: string
  readonly migrate?: boolean
}

export type Built = Layer.Layer<SessionProvider.SessionProvider, SessionError>

type RealStore = session.Store & {
  readonly close: () => unknown
  /** express-mysql-session makes its table before anything else, but does not wait for it. */
  readonly onReady?: () => Promise<void>
}

export interface Subject {
  readonly dialect: "mysql" | "postgres"
  readonly database: Database
  readonly layer: (options: TableOptions) => Built
  readonly layoutOf: (name: { readonly table: string }) => Layout
  /** As a user who may do nothing but what is granted to `stranger`. */
  readonly asStranger: (options: TableOptions) => Built
  /** Runs a statement as the server's administrator. */
  readonly administer: (sql: string) => Effect.Effect<unknown>
  /** The real store on a table that it makes if it is missing. */
  readonly store: (table: string) => RealStore
  readonly columns: { readonly id: string; readonly data: string; readonly expiry: string }
  /** A column's expiry in Unix seconds, and the opposite. */
  readonly seconds: string
  readonly expiry: (seconds: number) => string
  /** The store's own rounding. */
  readonly round: (seconds: number) => number
}

export const sid = (letter: string) => letter.repeat(32) as SessionProvider.StoredId

/** What express-session gives a store. */
export const record = (values: object, expires: Date) =>
  ({
    cookie: { originalMaxAge: 3_600_000, expires: expires.toISOString(), httpOnly: true, path: "/" },
    ...values
  }) as unknown as session.SessionData

export const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

export const parsed = (stored: Option.Option<SessionProvider.Stored>): unknown =>
  Option.match(stored, {
    onNone: () => undefined,
    onSome: ({ payload }) => JSON.parse(Buffer.from(payload).toString())
  })

/** Calls a store's method, whose last argument is a callback. */
export const ask = <A>(
  call: (done: (error?: unknown, result?: A | null) => void) => void
): Effect.Effect<A | undefined> =>
  Effect.promise(
    () =>
      new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result ?? undefined))))
  )

export const storeOf = (subject: Subject, table: string): Effect.Effect<session.Store, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => subject.store(table)),
    (store) => Effect.promise(() => Promise.resolve(store.close()))
  ).pipe(Effect.tap((store) => Effect.promise(() => Promise.resolve(store.onReady?.()))))

/** Runs an effect, with the seconds from its beginning to its end. */
export const during = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    const before = Date.now() / 1000
    return Effect.map(effect, (result) => ({ result, before, after: Date.now() / 1000 }))
  })

/** A time is compared in milliseconds, of which each side may round one. */
export const inMillis = 0.002

/** Asserts that an expiry is in this second, but for the time that the question took on its way. */
export const expectEnd = (
  end: number,
  read: { readonly before: number; readonly after: number },
  expiresAt: number
) => {
  expect(expiresAt / 1000).toBeLessThanOrEqual(end + inMillis)
  expect(expiresAt / 1000).toBeGreaterThanOrEqual(end - (read.after - read.before) - inMillis)
}

/** The suite's payloads are any bytes, and those of these tables are JSON, with the spaces that jsonb does not keep. */
const inJson = {
  encode: (payload: Uint8Array) => json({ suite: Buffer.from(payload).toString("base64"), cookie: {} }),
  decode: (payload: Uint8Array): Uint8Array =>
    Buffer.from((JSON.parse(Buffer.from(payload).toString()) as { readonly suite: string }).suite, "base64")
}

const anyBytes = (layer: Layer.Layer<SessionProvider.SessionProvider, unknown>) =>
  Layer.provide(
    Layer.effect(
      SessionProvider.SessionProvider,
      Effect.map(
        SessionProvider.SessionProvider,
        (provider): SessionProvider.Provider => ({
          ...provider,
          read: (id) =>
            Effect.map(
              provider.read(id),
              Option.map((stored) => ({ ...stored, payload: inJson.decode(stored.payload) }))
            ),
          create: (id, payload, ttl) => provider.create(id, inJson.encode(payload), ttl),
          write: (id, payload, ttl, revision) => provider.write(id, inJson.encode(payload), ttl, revision),
          regenerate: (move) => provider.regenerate({ ...move, payload: inJson.encode(move.payload) })
        })
      )
    ),
    layer
  )

export const conforms = (
  layerOf: (table: string) => Layer.Layer<SessionProvider.SessionProvider, unknown>,
  maxPayload: number,
  options: { readonly where?: string; readonly only?: (name: string) => boolean } = {}
): void =>
  conformsInTables(
    (table) => anyBytes(layerOf(table)),
    {
      capabilities: {
        ...SessionProvider.defaultCapabilities,
        consistency: "compareContent",
        regenerate: "ordered",
        expirySlack: 1000,
        maxPayload
      },
      optional: { count: true, list: true, gc: true, marked: false, principals: false }
    },
    options
  )

export const rowOf = ({ columns, database, seconds }: Subject, table: string, id: string) =>
  Effect.map(
    execute(
      database,
      `SELECT ${columns.data} AS data, ${seconds} AS seconds FROM ${table} WHERE ${columns.id} = '${id}'`
    ),
    ([row]) => (row === undefined ? undefined : { data: row["data"], seconds: Number(row["seconds"]) })
  )

export const setExpiry = ({ columns, database, expiry }: Subject, table: string, id: string, seconds: number) =>
  execute(database, `UPDATE ${table} SET ${columns.expiry} = ${expiry(seconds)} WHERE ${columns.id} = '${id}'`)

/** Many sessions at once, of which every fifth lives. */
export const fill = (subject: Subject, table: string, rows: number) => {
  const now = Math.floor(Date.now() / 1000)
  const { data, expiry, id } = subject.columns
  const [key, from] =
    subject.dialect === "mysql"
      ? ["MD5(n)", `(SELECT seq AS n FROM seq_1_to_${rows}) AS s`]
      : ["MD5(n::text)", `generate_series(1, ${rows}) n`]
  return execute(
    subject.database,
    `INSERT INTO ${table} (${id}, ${data}, ${expiry}) SELECT ${key}, '{}', CASE n % 5 WHEN 0 THEN ${subject.expiry(now + 3600)} ELSE ${subject.expiry(now - 10)} END FROM ${from}`
  )
}
