// Each server of the tests starts, keeps its data over a restart, can be paused, and leaves nothing behind.

import { existsSync } from "node:fs"
import { connect } from "couchbase"
import { Cluster, Redis as IORedis } from "ioredis"
import { expect, it } from "vitest"
import { ended } from "#dialect/runtime"
import { causeOf } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Fiber from "#effect/Fiber"
import type * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import * as Scope from "#effect/Scope"
import * as SqlClient from "#effect/sql/SqlClient"
import type { SqlError } from "#effect/sql/SqlError"
import * as Clients from "#test/sqlClients"
import * as Couchbase from "./Couchbase.js"
import * as Ledis from "./Ledis.js"
import * as MariaDb from "./MariaDb.js"
import * as Memcached from "./Memcached.js"
import { suite } from "./need.js"
import * as Postgres from "./Postgres.js"
import { ask, type Control } from "./Process.js"
import { isAlive } from "./proc.js"
import * as Redis from "./Redis.js"
import * as Ssdb from "./Ssdb.js"

/** Uses a server, closes its scope, and looks for processes and files that are left. */
const withServer = async <A extends Control>(
  server: Effect.Effect<A, never, Scope.Scope>,
  use: (server: A) => Promise<void>
): Promise<void> => {
  const scope = Effect.runSync(Scope.make())
  let pids: ReadonlyArray<number> = []
  let folder = ""
  try {
    const control = await Effect.runPromise(Scope.provide(server, scope))
    folder = control.folder
    pids = control.pids()
    expect(existsSync(folder)).toBe(true)
    expect(pids.some(isAlive)).toBe(true)
    await use(control)
    pids = [...pids, ...control.pids()]
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  expect(pids.filter(isAlive)).toEqual([])
  expect(existsSync(folder)).toBe(false)
}

/** Checks that a server's data is there after a restart, and that a pause holds its replies back. */
const endures = async (server: Control, write: (value: string) => Promise<unknown>, read: () => Promise<unknown>) => {
  await write("before")
  expect(await read()).toBe("before")
  await Effect.runPromise(server.stop)
  expect(server.pids()).toEqual([])
  await expect(read()).rejects.toThrow()
  await Effect.runPromise(server.start)
  expect(await read()).toBe("before")

  await Effect.runPromise(server.pause)
  let answered = false
  const late = read().then(() => {
    answered = true
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(answered).toBe(false)
  await Effect.runPromise(server.resume)
  await late

  await Effect.runPromise(server.kill)
  expect(server.pids()).toEqual([])
  await Effect.runPromise(server.start)
  await write("after")
  expect(await read()).toBe("after")
}

/** Runs one command on its own connection. */
const redisOnce = async <A>(url: string, use: (client: IORedis) => Promise<A>): Promise<A> => {
  const client = new IORedis(url, {
    ...Redis.resp2,
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: false
  })
  client.on("error", () => {})
  try {
    await client.connect()
    return await use(client)
  } finally {
    client.disconnect()
  }
}

const redisEndures = (server: Control & { readonly url: string }) =>
  endures(
    server,
    (value) => redisOnce(server.url, (client) => client.set("key", value)),
    () => redisOnce(server.url, (client) => client.get("key"))
  )

suite("Redis", ["redis-server", "redis-cli"], () => {
  it("single", () => withServer(Redis.single(), redisEndures))

  it("single, behind a password and bounded", () =>
    withServer(
      Redis.single({ password: "p w?", args: ["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"] }),
      async (server) => {
        expect(await redisOnce(server.url, (client) => client.config("GET", "maxmemory"))).toEqual([
          "maxmemory",
          "3145728"
        ])
        const open = new URL(server.url)
        open.password = ""
        await expect(redisOnce(open.href, (client) => client.get("key"))).rejects.toThrow("NOAUTH")
      }
    ))

  it("cluster", () =>
    withServer(Redis.cluster(), async (server) => {
      expect(server.nodes.length).toBe(6)
      const once = async <A>(use: (client: Cluster) => Promise<A>) => {
        const client = new Cluster(
          server.nodes.map(({ host, port }) => ({ host, port })),
          { lazyConnect: true, clusterRetryStrategy: () => null }
        )
        client.on("error", () => {})
        try {
          await client.connect()
          return await use(client)
        } finally {
          client.disconnect()
        }
      }
      await endures(
        server,
        (value) => once((client) => client.set("key", value)),
        () => once((client) => client.get("key"))
      )
      expect((await once((client) => Promise.resolve(client.nodes("master")))).length).toBe(3)
    }))

  it("sentinel, with a failover", () =>
    withServer(Redis.sentinel(), async (server) => {
      const once = async <A>(use: (client: IORedis) => Promise<A>) => {
        const client = new IORedis({
          sentinels: server.sentinels.map(({ host, port }) => ({ host, port })),
          name: server.masterName,
          lazyConnect: true,
          sentinelRetryStrategy: () => null
        })
        client.on("error", () => {})
        try {
          await client.connect()
          return await use(client)
        } finally {
          client.disconnect()
        }
      }
      await once(async (client) => {
        await client.set("key", "kept")
        expect(await client.wait(2, 5000)).toBe(2)
      })
      const before = await Effect.runPromise(server.master)
      expect(before).toBe(server.nodes[0])
      await Effect.runPromise(before.kill)
      await expect
        .poll(() => Effect.runPromise(server.master), { timeout: 20_000 })
        .toSatisfy((master) => master !== before)
      await expect.poll(() => once((client) => client.get("key")).catch(() => null), { timeout: 20_000 }).toBe("kept")
      await Effect.runPromise(server.start)
    }))
})

/** Uses a database on its own connection. */
const sqlOnce =
  <A>(client: Layer.Layer<SqlClient.SqlClient, unknown>) =>
  (use: (sql: SqlClient.SqlClient) => Effect.Effect<A, SqlError>) =>
    Effect.runPromise(Effect.provide(Effect.flatMap(SqlClient.SqlClient, use), client))

/** Checks that a row of a database endures; `store` stores or replaces it. */
const rowEndures = async (
  server: Control,
  once: ReturnType<typeof sqlOnce<unknown>>,
  store: (sql: SqlClient.SqlClient, value: string) => Effect.Effect<unknown, SqlError>
) => {
  await once((sql) => sql`CREATE TABLE kept (id INT PRIMARY KEY, value TEXT)`)
  await endures(
    server,
    (value) => once((sql) => store(sql, value)),
    () => once((sql) => Effect.map(sql<{ value: string }>`SELECT value FROM kept`, (rows) => rows[0]!.value))
  )
}

suite("MariaDB", ["mariadbd", "mariadb-install-db"], () => {
  const at = (url: string) => sqlOnce<unknown>(Clients.mysql({ url: Redacted.make(url), maxConnections: 10 }))

  it("keeps its data", () =>
    withServer(MariaDb.make(), (server) =>
      rowEndures(server, at(server.url), (sql, value) => sql`REPLACE INTO kept VALUES (1, ${value})`)
    ))

  it("has an account for the administrator", () =>
    withServer(MariaDb.make({ args: ["--max-connections=17"] }), async (server) => {
      expect(await at(server.adminUrl)((sql) => sql`SELECT @@max_connections AS most`)).toEqual([{ most: 17 }])
      await at(server.adminUrl)((sql) => sql`SET GLOBAL read_only = 1`)
      const create = at(server.url)((sql) =>
        sql`CREATE TABLE refused (id INT)`.pipe(Effect.catch((error) => Effect.die(causeOf(error))))
      )
      await expect(create).rejects.toThrow("read-only")
    }))
})

suite("PostgreSQL", ["postgres", "initdb", "psql"], () => {
  const at = (url: string) => sqlOnce<unknown>(Clients.postgres({ url: Redacted.make(url), maxConnections: 10 }))

  it("keeps its data", () =>
    withServer(Postgres.make(), (server) =>
      rowEndures(
        server,
        at(server.url),
        (sql, value) => sql`INSERT INTO kept VALUES (1, ${value}) ON CONFLICT (id) DO UPDATE SET value = ${value}`
      )
    ))

  it("has an account for the administrator, and a pause holds open connections back", () =>
    withServer(Postgres.make({ args: ["-c", "max_connections=17"] }), async (server) => {
      const answer = await at(server.adminUrl)((sql) =>
        Effect.gen(function* () {
          yield* sql`SELECT 1`
          yield* server.pause
          const late = yield* Effect.forkChild(sql`SHOW max_connections`)
          yield* Effect.sleep("300 millis")
          expect(ended(late)).toBeUndefined()
          yield* server.resume
          return yield* Fiber.join(late)
        })
      )
      expect(answer).toEqual([{ max_connections: "17" }])
    }))
})

suite("memcached", ["memcached"], () => {
  it("answers, and forgets when it ends", () =>
    withServer(Memcached.make(), async (server) => {
      const tell = (line: string, expected: RegExp) => ask(server.port, line, expected)
      await tell("set key 0 0 4\r\nkept", /^STORED/)
      await tell("get key", /^VALUE key 0 4\r\nkept/)
      await Effect.runPromise(server.pause)
      await expect(tell("get key", /./)).rejects.toThrow("no such answer")
      await Effect.runPromise(server.resume)
      await tell("get key", /^VALUE key 0 4\r\nkept/)
      await Effect.runPromise(server.stop)
      await expect(tell("get key", /./)).rejects.toThrow("ECONNREFUSED")
      await Effect.runPromise(server.start)
      await tell("get key", /^END/)
    }))
})

suite("LedisDB", ["ledis-server"], () => {
  it("keeps its data", () =>
    withServer(Ledis.make(), (server) => redisEndures({ ...server, url: `redis://${server.url}` })))
})

suite("SSDB", [], () => {
  it("keeps its data", () =>
    withServer(Ssdb.make(), (server) => redisEndures({ ...server, url: `redis://${server.url}` })))
})

suite("Couchbase", [], () => {
  it("answers one client through all of its troubles, and forgets when it ends", () =>
    withServer(Couchbase.make(), async (server) => {
      const { bucket, password, url, username } = server
      const cluster = await connect(url, { username, password, timeouts: { kvTimeout: 1000 } })
      try {
        const collection = cluster.bucket(bucket).defaultCollection()
        const read = async () => (await collection.get("key")).content
        await collection.upsert("key", "kept")
        await Effect.runPromise(server.pause)
        await expect(read()).rejects.toThrow("timeout")
        await Effect.runPromise(server.resume)
        expect(await read()).toBe("kept")
        for (const end of [server.kill, server.stop]) {
          await Effect.runPromise(end)
          await expect(collection.get("key", { timeout: 200 })).rejects.toThrow("timeout")
          await Effect.runPromise(server.start)
          await expect(collection.get("key", { timeout: 10_000 })).rejects.toThrow("document not found")
          await collection.upsert("key", "again")
          expect(await read()).toBe("again")
        }
      } finally {
        await cluster.close()
      }
    }))
})
