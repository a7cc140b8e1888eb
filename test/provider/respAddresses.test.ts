/**
 * Addresses of servers that speak the Redis protocol: passwords with any character, raw or encoded, are used or refused.
 */

import { join } from "node:path"
import * as Redis from "effect-session/redis"
import * as fc from "fast-check"
import { describe } from "vitest"
import { errorOf, valueOf } from "#dialect/result"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Result from "#effect/Result"
import { expect, it } from "#test/vitest"
import { addresses } from "../../src/Provider/redis/addresses.js"
import { bytes, newId } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import { shared } from "./shared.js"

const read = (url: string, many = false) => Effect.runSync(Effect.result(addresses(url, 6379, many)))

const parsed = (url: string, many = false) => {
  const result = read(url, many)
  return Result.isSuccess(result) ? valueOf(result) : undefined
}

const server = { host: "h", port: 1 }

describe("addresses", () => {
  it("have what they say, and nothing else", () => {
    for (const [url, expected] of [
      ["h:1", { servers: [server], shared: {} }],
      ["h", { servers: [{ host: "h", port: 6379 }], shared: {} }],
      [" redis://h:1/ ", { servers: [server], shared: {} }],
      ["REDIS://h:1/3", { servers: [server], shared: { db: 3 } }],
      ["rediss://u:p@h:1/0", { servers: [server], shared: { username: "u", password: "p", db: 0, tls: {} } }],
      ["redis://:p@[::1]:1", { servers: [{ host: "::1", port: 1 }], shared: { password: "p" } }],
      ["unix:///run/redis.sock", { servers: [], path: "/run/redis.sock", shared: {} }],
      [
        "redis+unix://u:p@/run/redis.sock?db=3",
        { servers: [], path: "/run/redis.sock", shared: { username: "u", password: "p", db: 3 } }
      ]
    ] as const) {
      expect(parsed(url), url).toEqual({ path: undefined, ...expected })
    }
    for (const url of [
      "",
      "redis://",
      "http://h",
      "h:x",
      "h:70000",
      "redis://h/x",
      "redis://h?db=3",
      "redis://:p@",
      "unix://h",
      "h1,h2",
      "redis://h1:1,h2:2"
    ]) {
      expect(parsed(url), url).toBeUndefined()
    }
  })

  it("in a list share what one of them has", () => {
    const servers = [server, { host: "h2", port: 2 }]
    for (const [url, expected] of [
      ["h:1,h2:2", {}],
      ["redis://u:p@h:1,h2:2/3", { username: "u", password: "p", db: 3 }],
      ["redis://:p@h:1, redis://:p@h2:2", { password: "p" }],
      ["rediss://:a,b@h:1,h2:2", { password: "a,b", tls: {} }]
    ] as const) {
      expect(parsed(url, true), url).toEqual({ servers, path: undefined, shared: expected })
    }
    for (const url of ["rediss://h:1,redis://h2:2", "h:1,unix:///x", "h:1,", "h:1,,h2:2"]) {
      expect(parsed(url, true), url).toBeUndefined()
    }
  })

  it("have any password, raw or encoded", () => {
    for (const password of [
      "a%b",
      "100%",
      "%zz",
      "p@ss",
      "a:b:c",
      "a b",
      "a/b?c#d",
      "ä€",
      "[x]",
      "a,b",
      "%25",
      ":",
      "@"
    ]) {
      expect(parsed(`redis://u:${encodeURIComponent(password)}@h:1/2`)?.shared.password, password).toBe(password)
      if (password !== "%25") expect(parsed(`redis://u:${password}@h:1/2`)?.shared.password, password).toBe(password)
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (text, many) => {
        const url = `redis://:${text}@h:1`
        const result = read(url, many)
        if (Result.isFailure(result)) {
          expect(errorOf(result).reason).toBe("InvalidConfig")
          if (text.length > 6) expect(errorOf(result).message).not.toContain(text)
        }
        read(text, many)
      })
    )
  })
})

suite("redis, by addresses of all kinds", ["redis-server"], () => {
  const password = "p@ss:w%rd /?#,[é"
  const running = shared(
    Effect.flatMap(Servers.single({ password }), (tcp) =>
      Effect.map(Servers.single({ password, args: ["--unixsocket", join(tcp.folder, "redis.sock")] }), () => ({
        port: tcp.port,
        socket: join(tcp.folder, "redis.sock")
      }))
    )
  )

  it.live("a password with special characters, raw and encoded, and a Unix socket", () =>
    Effect.gen(function* () {
      const { port, socket } = yield* running
      for (const url of [
        `redis://:${password}@127.0.0.1:${port}`,
        `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}/3`,
        `redis+unix://:${encodeURIComponent(password)}@${socket}?db=3`,
        `unix://:${password}@${socket}`
      ]) {
        const provider = yield* Redis.make({ url })
        expect((yield* provider.create(newId(), bytes("x"), Duration.minutes(1)))._tag, url).toBe("Written")
      }
    }).pipe(Effect.scoped)
  )
})
