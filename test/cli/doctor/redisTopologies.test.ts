/**
 * `doctor` on a real Redis cluster, and on a master under sentinels: healthy ones, and prepared faults, each named.
 */
import { Redis as Client } from "ioredis"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { shared } from "../../provider/shared.js"
import { suite } from "../../servers/need.js"
import { until } from "../../servers/Process.js"
import * as Servers from "../../servers/Redis.js"
import { examine, expectHealthy, troubles } from "./examine.js"

const call = (url: string, ...[command, ...args]: readonly [string, ...Array<string | number>]) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Client(url)),
    (client) => Effect.promise(() => client.call(command, args)),
    (client) => Effect.sync(() => client.disconnect())
  )

suite("doctor on a Redis cluster", ["redis-server", "redis-cli"], () => {
  const servers = shared(Servers.cluster())
  const there = Effect.flatMap(servers, ({ url }) => examine({ SESSION_PROVIDER: "redisCluster", SESSION_URL: url }))

  it.live("a healthy cluster, and one master that lacks a replica, a right and a lifetime", () =>
    Effect.gen(function* () {
      const { nodes } = yield* servers
      const findings = yield* there
      expectHealthy(findings, 23)
      expect(findings.map(({ what }) => what)).toContain("the cluster is whole: all slots are served, by 3 masters")
      const first = nodes[0]!
      yield* call(first.url, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
      yield* call(first.url, "CONFIG", "SET", "maxmemory", "100mb")
      expect(troubles(yield* there)).toEqual([
        expect.stringMatching(new RegExp(`^warning: 127.0.0.1:${first.port}: maxmemory-policy is allkeys-lru`))
      ])
      yield* call(first.url, "CONFIG", "SET", "maxmemory", "0")
    })
  )

  it.live("a cluster that has lost a part of its slots", () =>
    Effect.gen(function* () {
      const { nodes } = yield* servers
      // Master and replica, so that nobody takes the slots over.
      for (const node of [nodes[2]!, nodes[3]!, nodes[4]!, nodes[5]!]) yield* node.stop
      yield* Effect.promise(() =>
        until(async () => {
          const info = await Effect.runPromise(call(nodes[0]!.url, "CLUSTER", "INFO"))
          if (!/cluster_state:fail/.test(String(info))) throw new Error("the cluster is whole")
        })
      )
      expect(troubles(yield* there)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^wrong: the cluster has no node for \d+ of its 16384 slots: sessions there fail/)
        ])
      )
    })
  )
})

suite("doctor on Redis sentinels", ["redis-server"], () => {
  const servers = shared(Servers.sentinel())

  it.live("healthy ones, one that is away, and no quorum", () =>
    Effect.gen(function* () {
      const { masterName, sentinels, url } = yield* servers
      const on = (name: string) =>
        examine({ SESSION_PROVIDER: "redisSentinel", SESSION_URL: url, SESSION_MASTER_NAME: name })
      const findings = yield* on(masterName)
      expectHealthy(findings, 9)
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([
          "3 sentinels answer, and agree that they can replace the master",
          "the server is a master with 2 replicas"
        ])
      )
      expect(troubles(yield* on("nobody"))).toEqual([
        expect.stringMatching(/^wrong: cannot connect: redisSentinel: connect failed \(the sentinels know no master/)
      ])
      yield* sentinels[2]!.stop
      expect(troubles(yield* on(masterName))).toEqual([
        expect.stringMatching(new RegExp(`^warning: the sentinel 127.0.0.1:${sentinels[2]!.port} does not answer`))
      ])
      yield* call(sentinels[0]!.url, "SENTINEL", "SET", masterName, "quorum", 3)
      const without = yield* Effect.promise(() =>
        until(async () => {
          const found = troubles(await Effect.runPromise(on(masterName)))
          if (!found.some((line) => line.includes("finds no quorum"))) throw new Error(found.join("\n"))
          return found
        })
      )
      expect(without).toEqual(
        expect.arrayContaining([
          expect.stringMatching(new RegExp(`^wrong: the sentinel 127.0.0.1:${sentinels[0]!.port} finds no quorum`))
        ])
      )
    })
  )
})
