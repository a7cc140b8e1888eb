/**
 * What a backend is given of people and their sessions, after sign-ins, renewals, lists and ends: no id that a client
 * could use, and no principal in the clear. The same of logs, spans, metrics and events.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { SessionManager, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Ledis from "effect-session/ledis"
import * as Memcached from "effect-session/memcached"
import * as Memory from "effect-session/memory"
import * as Mysql from "effect-session/mysql"
import * as Postgres from "effect-session/postgres"
import * as Redis from "effect-session/redis"
import * as Sqlite from "effect-session/sqlite"
import * as Ssdb from "effect-session/ssdb"
import { Redis as Client } from "ioredis"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Metric from "#effect/Metric"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { registerOf } from "../../src/Manager/people/owner.js"
import type { ProviderLayer } from "../identity/backends.js"
import { type Database, execute, mysql, postgres } from "../provider/sqlDatabases.js"
import * as LedisServer from "../servers/Ledis.js"
import * as MariaDbServer from "../servers/MariaDb.js"
import * as MemcachedServer from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as Proxy from "../servers/Proxy.js"
import * as RedisServer from "../servers/Redis.js"
import * as SsdbServer from "../servers/Ssdb.js"
import { eventually } from "../support/raw.js"
import { watch } from "../support/watch.js"
import { options, visiting } from "./app.js"
import { hour, minute, times } from "./model.js"

const principal = "principal-in-the-clear-0815"
const other = "principal-in-the-clear-4711"

/** What is to be seen nowhere, in the forms that it could have. */
const formsOf = (secret: string): ReadonlyArray<Buffer> => {
  const bytes = [Buffer.from(secret), ...(secret.startsWith("principal") ? [] : [Buffer.from(secret, "base64url")])]
  return bytes.flatMap((bytes) => [
    bytes,
    ...(["hex", "base64", "base64url"] as const).map((encoding) =>
      // The last letters depend on what follows.
      Buffer.from(bytes.toString(encoding).replace(/=+$/, "").slice(0, -1))
    ),
    Buffer.from(bytes.toString("hex").toUpperCase())
  ])
}

const shows = (place: Uint8Array, secret: string): boolean =>
  formsOf(secret).some((form) => Buffer.from(place.buffer, place.byteOffset, place.length).includes(form))

/** Signs in, renews, lists and ends, so that each kind of record is left. Returns all ids that a client was told. */
const work = (pass: (millis: number) => void) =>
  Effect.gen(function* () {
    const visit = yield* visiting
    const told = new Set<string>()
    const ask = (path: string, token?: string) =>
      Effect.map(visit(path, token), (answer) => {
        if (answer.token !== undefined && answer.token !== "forget") told.add(answer.token)
        return answer.token ?? token
      })
    const named = (user: string) => `resu=${[...user].reverse().join("")}`
    const signIn = (user: string, token?: string) => ask(`in?${named(user)}`, token)
    const cart = yield* ask("write")
    const first = yield* signIn(principal, cart)
    const [second, third, fourth, fifth] = yield* Effect.all([
      ask(`in?${named(principal)}&remember=true`),
      signIn(principal),
      signIn(principal),
      signIn(other)
    ])
    yield* ask("renew", third)
    yield* ask(`list?${named(principal)}`, first)
    pass(11 * minute)
    const renewed = yield* ask("write", first)
    expect(renewed).not.toBe(first)
    // The id before leads to the session yet.
    expect(yield* ask("look", first)).toBe(renewed)
    yield* ask("look", second)
    yield* ask("out", fourth)
    yield* signIn(principal, fifth)
    yield* ask("others", renewed)
    yield* SessionManager.endAll(other)
    const late = yield* signIn(principal)
    pass(31_000)
    yield* ask("write", first)
    yield* ask(`list?${named(principal)}`, late)
    expect((yield* SessionManager.sessionsOf(principal)).length).toBe(2)
    expect(told.size).toBeGreaterThan(8)
    return told
  })

interface Target {
  readonly layer: ProviderLayer
  /** All that the backend keeps, or was sent, by where. */
  readonly dump: Effect.Effect<ReadonlyArray<Uint8Array>, unknown>
}

const test = (name: string, needs: ReadonlyArray<string>, target: Effect.Effect<Target, unknown, Scope.Scope>): void =>
  suite(name, needs, () => {
    it.live(
      "no id and no principal in the clear is kept, sent, logged or counted",
      () =>
        Effect.gen(function* () {
          const { dump, layer } = yield* target
          const { layer: watched, seen } = watch()
          const start = Date.now()
          let passed = 0
          const config = {
            ...options,
            idleTimeout: 12 * hour,
            absoluteTimeout: 12 * hour,
            id: { renewEvery: times.renewEvery, grace: times.grace },
            principals: { bestEffort: true }
          }
          const [told, places] = yield* Effect.gen(function* () {
            const manager = yield* SessionManager.SessionManager
            yield* Effect.forkScoped(
              Stream.runForEach(manager.events, (event) => Effect.sync(() => seen.push(JSON.stringify(event))))
            )
            yield* Effect.sleep(20)
            const told = yield* work((millis) => {
              passed += millis
            })
            const places = yield* dump
            yield* Effect.log("the last line")
            expect(yield* eventually(() => seen.some((line) => line.includes("Regenerated")))).toBe(true)
            return [told, places] as const
          }).pipe(
            Effect.provide(Layer.provideMerge(SessionManager.layer(config), layer)),
            at(() => start + passed),
            Effect.provide(watched)
          )
          seen.push(inspect(yield* Metric.snapshot, { depth: 9, maxArrayLength: null, maxStringLength: null }))
          expect(seen.some((line) => line.includes("the last line"))).toBe(true)
          expect(places.reduce((sum, place) => sum + place.length, 0)).toBeGreaterThan(500)
          for (const secret of [principal, other, ...told]) {
            expect(
              places.filter((place) => shows(place, secret)).map((place) => Buffer.from(place).toString("latin1"))
            ).toEqual([])
            expect(seen.filter((line) => shows(Buffer.from(line), secret))).toEqual([])
          }
          expect(seen.filter((line) => line.includes(registerOf(principal)))).toEqual([])
        }),
      120_000
    )
  })

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-secrets-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** The names and the bytes of all files in a folder. */
const files = (folder: string): ReadonlyArray<Uint8Array> =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => [
    Buffer.from(entry.name),
    ...(entry.isFile() ? [readFileSync(join(entry.parentPath, entry.name))] : [])
  ])

/** A server, behind a proxy that keeps what it is sent; and what the server itself tells. */
const sent = <S extends { readonly port: number }, E>(
  server: Effect.Effect<S, E, Scope.Scope>,
  layer: (port: number, server: S) => ProviderLayer,
  kept: (server: S) => Effect.Effect<ReadonlyArray<Uint8Array>> = () => Effect.succeed([])
): Effect.Effect<Target, E, Scope.Scope> =>
  Effect.gen(function* () {
    const control = yield* server
    const proxy = yield* Proxy.make(control.port)
    return {
      layer: layer(proxy.port, control),
      dump: Effect.map(kept(control), (kept) => {
        if (kept.length === 0) expect(proxy.sent().length).toBeGreaterThan(500)
        return [Buffer.from(proxy.sent(), "latin1"), ...kept]
      })
    }
  })

/** A value of a row, of whatever type. */
const bytesOf = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : Buffer.from(String(value)))

test(
  "memory",
  [],
  Effect.sync(() => {
    const given: Array<Uint8Array> = []
    // What there is in memory is what the provider is given.
    const noting = (operations: any): any =>
      Object.fromEntries(
        Object.entries<any>(operations).map(([name, operation]) => [
          name,
          typeof operation !== "function"
            ? operation
            : (...args: ReadonlyArray<any>) => {
                for (const arg of args.flatMap((arg) => [
                  arg,
                  ...(typeof arg === "object" ? Object.values<any>(arg) : [])
                ])) {
                  given.push(bytesOf(arg), bytesOf(arg?.content ?? ""))
                }
                return operation(...args)
              }
        ])
      )
    return {
      layer: Layer.effect(
        SessionProvider.SessionProvider,
        Effect.sync(() => {
          const memory = Memory.make()
          return { ...noting(memory), principals: noting(memory.principals) }
        })
      ),
      dump: Effect.sync(() => given)
    }
  })
)

test(
  "file",
  [],
  Effect.map(folder, (folder) => ({
    layer: File.layer({ directory: join(folder, "sessions") }),
    dump: Effect.sync(() => files(folder))
  }))
)

test(
  "sqlite",
  [],
  Effect.map(folder, (folder) => ({
    layer: Sqlite.layer({ filename: join(folder, "sessions.sqlite") }),
    dump: Effect.sync(() => files(folder))
  }))
)

test(
  "redis",
  ["redis-server"],
  sent(
    RedisServer.single(),
    (port) => Redis.layer({ url: `redis://127.0.0.1:${port}` }),
    ({ url }) =>
      Effect.promise(async () => {
        const client = new Client(url)
        const keys = await client.keys("*")
        const values = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
        // A dump compresses long values.
        const hashes = await Promise.all(keys.map((key) => client.hgetallBuffer(key).catch(() => ({}))))
        const texts = await Promise.all(keys.map((key) => client.getBuffer(key).catch(() => null)))
        await client.quit()
        expect(keys.length).toBeGreaterThan(4)
        return [
          ...keys.map((key) => Buffer.from(key)),
          ...[...values, ...texts, ...hashes.flatMap((hash) => Object.values<Buffer>(hash))].filter(
            (bytes) => bytes !== null
          )
        ]
      })
  )
)

/** All rows of all tables. */
const rowsOf = (database: Database) =>
  Effect.gen(function* () {
    const schema = database.dialect === "mysql" ? "DATABASE()" : "'public'"
    const tables = yield* execute(
      database,
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ${schema}`
    )
    const rows = yield* Effect.forEach(tables, ({ name }) => execute(database, `SELECT * FROM ${name}`))
    const places = rows.flat().flatMap((row) => Object.values(row).map(bytesOf))
    expect(places.length).toBeGreaterThan(20)
    return places
  })

test(
  "postgres",
  ["postgres"],
  sent(
    PostgresServer.make(),
    (port, { url }) => Postgres.layer({ url: url.replace(/:\d+\//, `:${port}/`) }),
    ({ url }) => rowsOf(postgres(url))
  )
)

test(
  "mysql",
  ["mariadbd"],
  sent(
    MariaDbServer.make(),
    (port, { url }) => Mysql.layer({ url: url.replace(/:\d+\//, `:${port}/`) }),
    ({ url }) => rowsOf(mysql(url))
  )
)

test(
  "memcached",
  ["memcached"],
  sent(MemcachedServer.make(), (port) => Memcached.layer({ url: `127.0.0.1:${port}` }))
)

test(
  "ssdb",
  [],
  sent(SsdbServer.make(), (port) => Ssdb.layer({ url: `127.0.0.1:${port}`, timeout: "10 seconds" }))
)

test(
  "ledis",
  ["ledis-server"],
  sent(LedisServer.make(), (port) => Ledis.layer({ url: `redis://127.0.0.1:${port}` }))
)
