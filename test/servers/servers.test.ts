// Each server of the tests starts, keeps its data over a restart, can be paused, and leaves nothing behind.
import { existsSync, readlinkSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Cluster, Redis as IORedis } from "ioredis"
import { expect, it } from "vitest"
import { suite } from "./need.js"
import { type Control, isAlive } from "./Process.js"
import * as Redis from "./Redis.js"

/** Uses a server, closes its scope, and looks for what is left of it. */
const withServer = async <A extends Control>(
  server: Effect.Effect<A, never, Scope.Scope>,
  use: (server: A) => Promise<void>
): Promise<void> => {
  const scope = Effect.runSync(Scope.make())
  const pids: Array<number> = []
  const folders = new Set<string>()
  const note = (control: Control) => {
    pids.push(...control.pids())
    for (const pid of control.pids()) folders.add(readlinkSync(`/proc/${pid}/cwd`))
  }
  try {
    const control = await Effect.runPromise(Scope.extend(server, scope))
    note(control)
    expect(pids.filter((pid) => !isAlive(pid))).toEqual([])
    await use(control)
    note(control)
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  expect(pids.length).toBeGreaterThan(0)
  expect(pids.filter(isAlive)).toEqual([])
  expect([...folders].filter(existsSync)).toEqual([])
}

/** The same for every server: what it held before is there after a restart, and a pause holds its answers back. */
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

/** One command on a connection of its own. */
const redisOnce = async <A>(url: string, use: (client: IORedis) => Promise<A>): Promise<A> => {
  const client = new IORedis(url, { lazyConnect: true, retryStrategy: () => null, enableReadyCheck: false })
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
