/**
 * Ready-made layers: two arguments, options that nobody has, and options from `Config`.
 */

import { createServer } from "node:net"
import { type SessionConfig, SessionError, SessionLayer, SessionManager } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Couchbase from "effect-session/couchbase"
import * as Express from "effect-session/express"
import * as File from "effect-session/file"
import * as Ledis from "effect-session/ledis"
import * as Memcached from "effect-session/memcached"
import * as Memory from "effect-session/memory"
import * as Mysql from "effect-session/mysql"
import * as Postgres from "effect-session/postgres"
import * as Redis from "effect-session/redis"
import * as Sql from "effect-session/sql"
import * as Sqlite from "effect-session/sqlite"
import * as Ssdb from "effect-session/ssdb"
import { signIn } from "effect-session/testing"
import * as Config from "#effect/Config"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Scope from "#effect/Scope"
import { disconnect } from "#test/fibers"
import { describe, expect, it } from "#test/vitest"
import { AppSession } from "../support/http.js"

const failure = (layer: Layer.Layer<any, unknown, any>) =>
  Effect.scoped(Layer.build(layer as Layer.Layer<any, unknown>)).pipe(
    Effect.as("built"),
    Effect.catch((error) =>
      Effect.succeed(error instanceof SessionError ? `${error.reason}: ${error.message}` : String(error))
    )
  )

const keys = [Redacted.make("3q2-7wAFVyd1w8Kz5u0pX9sBcRnTgYhJ4mLoQeUiAfE")]

const { fromConfig: _, make: __, memory: ___, ...backends } = SessionLayer

it.live.each([
  ["hunter%", /^Unavailable: mysql: connect failed \(ECONNREFUSED\)/],
  ["100%hunter", /^Unavailable: mysql: connect failed \(ECONNREFUSED\)/],
  ["hunter %C0:@", /^Unavailable: mysql: connect failed \(ECONNREFUSED\)/],
  ["12/hunter", /^InvalidConfig: url: expected mysql:.* with special characters as %40/],
  ["12#hunter", /^InvalidConfig: url: expected mysql:.* with special characters as %40/],
  ["12?hunter", /^InvalidConfig: url: expected mysql:.* with special characters as %40/]
] as const)(
  "a password that a URL cannot have as it is (%s) is used or refused, and not told",
  ([password, expected]) =>
    Effect.forEach(["mysql", "postgres"] as const, (database) =>
      Effect.map(
        failure(
          { mysql: Mysql.layer, postgres: Postgres.layer }[database]({
            url: `${database}://ada:${password}@127.0.0.1:1/app`
          })
        ),
        (text) => {
          expect(text.replaceAll("postgres", "mysql")).toMatch(expected)
          expect(text).not.toContain("hunter")
        }
      )
    )
)

describe("the session's options are the second argument", () => {
  for (const [name, layer] of Object.entries(backends)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const build = layer as (backend: object, session?: object) => Layer.Layer<any, unknown>
        expect(yield* failure(build({ idleTimeout: "1 hour", cookie: false }))).toMatch(
          /InvalidConfig: idleTimeout is an option of the session: pass it in the second argument; cookie is an option/
        )
        // Before anything connects.
        expect(yield* failure(build({}, { idleTimeOut: 1 }))).toMatch(/did you mean idleTimeout\?/)
      })
    )
  }

  it.live("so that the session's timeout is not the driver's", () =>
    Effect.acquireUseRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer(() => {})
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.gen(function* () {
          const address = server.address()
          const url = `redis://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
          const started = performance.now()
          const text = yield* failure(SessionLayer.redis({ url, timeout: "600 millis" }, { timeout: "10 millis" }))
          expect(text).toMatch(/Unavailable/)
          expect(performance.now() - started).toBeGreaterThan(500)
        }),
      (server) => Effect.sync(() => server.close())
    )
  )
})

describe("an unknown option of a backend is an error that suggests the right one", () => {
  const cases: Record<
    string,
    readonly [layer: (options: any) => Layer.Layer<any, unknown, any>, wrong: object, meant: string]
  > = {
    memory: [Memory.layer, { maxsessions: 1 }, "maxSessions"],
    file: [File.layer, { directory: "/nowhere", fsnc: true }, "fsync"],
    cookie: [Cookie.layer, { keys, chipher: "x" }, "cipher"],
    redis: [Redis.layer, { URL: "redis://127.0.0.1:1" }, "url"],
    "redis cluster": [Redis.layerCluster, { url: "127.0.0.1:1", prefx: "" }, "prefix"],
    "redis sentinel": [Redis.layerSentinel, { url: "127.0.0.1:1", mastername: "" }, "masterName"],
    ledis: [Ledis.layer, { timout: 1 }, "timeout"],
    ssdb: [Ssdb.layer, { pefix: "" }, "prefix"],
    memcached: [Memcached.layer, { urls: "" }, "url"],
    couchbase: [Couchbase.layer, { durabilty: "none" }, "durability"],
    postgres: [Postgres.layer, { url: "postgres://127.0.0.1:1/a", maxConnection: 1 }, "maxConnections"],
    mysql: [Mysql.layer, { url: "mysql://127.0.0.1:1/a", tabel: "a" }, "table"],
    sqlite: [Sqlite.layer, { filename: ":memory:", migrat: false }, "migrate"],
    sql: [Sql.layer, { perpared: false }, "prepared"]
  }
  for (const [name, [layer, wrong, meant]] of Object.entries(cases)) {
    it.effect(name, () =>
      Effect.map(failure(layer(wrong)), (text) =>
        expect(text).toMatch(new RegExp(`InvalidConfig: \\w+: unknown option: did you mean ${meant}\\?`))
      )
    )
  }
})

it.effect("an option that is missing is an error that names it", () =>
  Effect.gen(function* () {
    for (const [layer, missing] of [
      [File.layer, "directory"],
      [Cookie.layer, "keys"],
      [Redis.layerCluster, "url"],
      [Redis.layerSentinel, "masterName"],
      [Postgres.layer, "url"],
      [Mysql.layer, "url"],
      [Sqlite.layer, "filename"]
    ] as const) {
      const build = layer as (options: object) => Layer.Layer<any, unknown>
      expect(yield* failure(build({ url: undefined }))).toContain(`${missing}: it is missing`)
    }
  })
)

describe("layerConfig", () => {
  const values = ConfigProvider.fromEnvRecord({ SIZE: "0", URL: "http://user:s3cret@host/", MASTER: "main" })
  const url = Config.Redacted("URL")
  const cases = {
    memory: [Memory.layerConfig({ maxSessions: Config.Int("SIZE") }), /maxSessions: expected a positive integer/],
    "memory, by one Config": [
      Memory.layerConfig(Config.map(Config.Int("SIZE"), (maxSessions) => ({ maxSessions }))),
      /maxSessions: expected a positive integer/
    ],
    file: [File.layerConfig({ directory: Config.String("NOT_THERE") }), /NOT_THERE/],
    cookie: [Cookie.layerConfig({ keys: Config.map(url, (key) => [key]) }, Memory.layer()), /cookie: keys/],
    redis: [Redis.layerConfig({ url }), /url: expected redis:/],
    "redis cluster": [Redis.layerClusterConfig({ url }), /url: expected redis:/],
    "redis sentinel": [Redis.layerSentinelConfig({ url, masterName: Config.String("MASTER") }), /url: expected redis:/],
    ledis: [Ledis.layerConfig({ url }), /url: expected redis:/],
    ssdb: [Ssdb.layerConfig({ url }), /url: expected redis:/],
    memcached: [Memcached.layerConfig({ url }), /url: expected host:port/],
    couchbase: [Couchbase.layerConfig({ url }), /url: expected couchbase:/],
    postgres: [Postgres.layerConfig({ url }), /url: expected postgres:/],
    mysql: [Mysql.layerConfig({ url }), /url: expected mysql:/],
    sqlite: [Sqlite.layerConfig({ filename: Config.String("NOT_THERE") }), /NOT_THERE/]
  } as const
  for (const [name, [layer, message]] of Object.entries(cases)) {
    it.effect(`${name}: takes each option from where the app says`, () =>
      Effect.gen(function* () {
        const text = yield* failure(Layer.provide(layer as Layer.Layer<any, unknown>, ConfigProvider.layer(values)))
        expect(text).toMatch(message)
        expect(text).not.toContain("s3cret")
      })
    )
  }
})

describe("memory", () => {
  it.effect("takes maxSessions among the session's options", () =>
    Effect.gen(function* () {
      const manager = yield* SessionManager.SessionManager
      expect(manager.backend).toBe("memory")
      const options: SessionConfig.Options & Memory.Options = { maxSessions: 10, idleTimeout: "1 minute" }
      expect(yield* failure(SessionLayer.memory(options))).toBe("built")
    }).pipe(Effect.provide(SessionLayer.memory({ maxSessions: 10 })))
  )
})

describe("one program with two managers", () => {
  class Admin extends Context.Service<Admin, SessionManager.Manager>()("Admin") {}
  const environment = (variables: Record<string, string>) =>
    ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))
  const admin = <E>(sessions: Layer.Layer<SessionManager.SessionManager, E>) =>
    Layer.provide(Layer.effect(Admin, SessionManager.SessionManager), sessions)
  const ways: Record<string, () => Layer.Layer<SessionManager.SessionManager, unknown>> = {
    memory: () => SessionLayer.memory(),
    "the environment": () => SessionLayer.fromConfig(),
    "an environment of its own": () =>
      Layer.provide(SessionLayer.fromConfig(), environment({ SESSION_COOKIE_NAME: "admin" }))
  }
  /** How many sessions the second one has when the first has one. */
  const counted = Effect.gen(function* () {
    yield* signIn(AppSession, (session) => session.set("userId", "ada"))
    return yield* (yield* Admin).count
  })

  it.effect.each(Object.keys(ways))("from %s: each has a backend of its own, beside the other or within it", (name) =>
    Effect.gen(function* () {
      const make = ways[name]!
      const beside = Layer.mergeAll(make(), admin(make()))
      expect(yield* Effect.provide(counted, beside)).toBe(0)
      expect(yield* counted.pipe(Effect.provide(admin(make())), Effect.provide(make()))).toBe(0)
    })
  )
})

describe("one layer that is provided in two places", () => {
  const places = () => ({ codec: Express.codec, from: Memory.layer(), to: Memory.layer(), stores: [AppSession] })
  const secrets = [Redacted.make("keyboard cat")]
  const ways: Record<string, () => Layer.Layer<SessionManager.SessionManager, unknown>> = {
    memory: () => SessionLayer.memory(),
    "the environment": () => SessionLayer.fromConfig(),
    express: () => Express.layer(Memory.layer(), { secrets }),
    moving: () => SessionLayer.moving(places(), { cookie: { secrets } })
  }

  it.effect.each(Object.keys(ways))("%s: is one manager", (name) =>
    Effect.gen(function* () {
      const seen: Array<SessionManager.Manager> = []
      const sessions = Layer.orDie(ways[name]!())
      const part = () =>
        Layer.effectDiscard(
          Effect.flatMap(SessionManager.SessionManager, (manager) => Effect.sync(() => seen.push(manager)))
        ).pipe(Layer.provide(sessions))
      yield* Effect.scoped(Layer.build(Layer.mergeAll(part(), part())))
      expect(seen).toHaveLength(2)
      expect(seen[0]).toBe(seen[1])
    })
  )
})

describe("a layer that is built where nothing can be interrupted", () => {
  it.live("closes, and garbage collection with it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.uninterruptible(Layer.buildWithScope(SessionLayer.memory(), scope))
      const closed = yield* Effect.timeoutOption(disconnect(Scope.close(scope, Exit.void)), "10 seconds")
      expect(Option.isSome(closed)).toBe(true)
    })
  )
})
