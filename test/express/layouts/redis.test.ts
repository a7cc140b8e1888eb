// connect-redis' layout: when a session ends, by its record and by Redis, and what it costs to know.
import { createRequire } from "node:module"
import type { SessionProvider } from "effect-session"
import fc from "fast-check"
import { Redis as Client } from "ioredis"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import * as ExpressRedis from "../../../src/express/layouts/redis.js"
import { endOf } from "../../../src/express/records.js"
import { providerOf } from "../../provider/sqlSuite.js"
import { suite } from "../../servers/need.js"
import * as Redis from "../../servers/Redis.js"

const { Cookie } = createRequire(import.meta.url)("express-session")

const minute = 60_000

const cookie = (expires: number | undefined) =>
  JSON.parse(JSON.stringify({ ...new Cookie({ maxAge: minute }).data, expires: expires && new Date(expires) }))

it("the end that a record's cookie notes is read, and nothing else is taken for it", () => {
  const value = fc.oneof(fc.jsonValue(), fc.constant({ expires: "2099-01-01T00:00:00.000Z" }))
  const times = fc.date({ noInvalidDate: true, min: new Date(1), max: new Date("9999-12-31") })
  const records = fc.record({
    maxAge: fc.option(fc.nat(), { nil: undefined }),
    path: fc.oneof(fc.string(), fc.constant('","expires":"2099-01-01T00:00:00.000Z')),
    expires: fc.option(times, { nil: undefined }),
    values: fc.dictionary(fc.string(), value)
  })
  fc.assert(
    fc.property(records, ({ expires, maxAge, path, values: { cookie: _, ...values } }) => {
      // Its renewals move an end only with a lifetime.
      const end = maxAge === undefined ? undefined : expires?.getTime()
      const read = (record: unknown) => endOf(Buffer.from(JSON.stringify(record)))
      const [lifetime, others] = [
        { originalMaxAge: maxAge ?? null, expires: expires ?? null },
        { httpOnly: true, path }
      ]
      const attributes = { ...lifetime, ...others }
      const record = { cookie: attributes, ...values }
      // JavaScript puts names that are numbers first.
      expect(read(record)).toBe(Object.keys(record)[0] === "cookie" ? end : undefined)
      // As nobody writes it.
      expect([end, undefined]).toContain(read({ cookie: { ...others, ...lifetime }, ...values }))
      expect([end, undefined]).toContain(read({ ...values, cookie: attributes }))
    })
  )
})

suite("connect-redis' layout", ["redis-server"], () => {
  it.live("a session ends when its record says so, or when Redis does, and Redis is asked where it has to be", () =>
    Effect.gen(function* () {
      const { url } = yield* Redis.single()
      const provider = yield* providerOf(ExpressRedis.layer({ kind: "redis", url }))
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => new Client(url)),
        (client) => Effect.sync(() => client.disconnect())
      )
      const put = (record: unknown, ...lifetime: ReadonlyArray<string | number>) =>
        Effect.promise(() => client.call("SET", "sess:a", JSON.stringify(record), ...lifetime))
      /** When it ends, from now, and how many commands that took: 2 if Redis was asked at once, 3 if only then. */
      const read = Effect.gen(function* () {
        yield* Effect.promise(() => client.config("RESETSTAT"))
        const stored = Option.getOrUndefined(yield* provider.read("a" as SessionProvider.StoredId))
        const stats = yield* Effect.promise(() => client.info("commandstats"))
        const commands = [...stats.matchAll(/^cmdstat_(?:get|pttl):calls=(\d+)/gm)].reduce(
          (n, [, calls]) => n + Number(calls),
          0
        )
        return {
          commands,
          left: stored === undefined ? undefined : Math.round((stored.expiresAt - Date.now()) / minute)
        }
      })
      const now = Date.now()

      yield* put({ cookie: cookie(now + 20 * minute), n: 1 }, "PX", 20 * minute)
      expect(yield* read).toEqual({ commands: 1, left: 20 })
      // express has renewed it, in Redis alone, and its first end has passed.
      yield* put({ cookie: cookie(now - minute), n: 1 }, "PX", 19 * minute)
      expect(yield* read).toEqual({ commands: 3, left: 19 })
      expect(yield* read).toEqual({ commands: 2, left: 19 })
      // It ends with the browser.
      yield* put({ cookie: cookie(undefined), n: 1 }, "PX", 30 * minute)
      expect(yield* read).toEqual({ commands: 2, left: 30 })
      expect(yield* read).toEqual({ commands: 2, left: 30 })
      yield* put({ cookie: cookie(undefined), n: 1 })
      expect((yield* read).left).toBeGreaterThan(1e6)
      yield* put({ cookie: cookie(now + 20 * minute), n: 1 }, "PX", 20 * minute)
      expect(yield* read).toEqual({ commands: 2, left: 20 })
      expect(yield* read).toEqual({ commands: 1, left: 20 })
      yield* Effect.promise(() => client.del("sess:a"))
      expect((yield* read).left).toBeUndefined()
      yield* Effect.promise(() => client.lpush("sess:a", "no session"))
      expect((yield* read).left).toBeUndefined()
      yield* put({ cookie: cookie(undefined), n: 1 }, "PX", 30 * minute)
      expect((yield* read).left).toBe(30)
      yield* Effect.promise(() => client.del("sess:a"))
      yield* Effect.promise(() => client.lpush("sess:a", "no session"))
      expect(yield* read).toEqual({ commands: 2, left: undefined })
    })
  )
})
