/**
 * A cookie that the browser keeps for a time: whoever uses the session does not lose it.
 */

import { SessionConfig, type SessionManager } from "effect-session"
import { webHandlers } from "#dialect/http"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Cookies from "#effect/http/Cookies"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { makeCaches } from "../../src/Manager/caches.js"
import type { Reply } from "../../src/Manager/Keeper.js"
import { makeTransport } from "../../src/Manager/Transport.js"
import { managerLayer, probe } from "../support/http.js"
import { basics, routerOf } from "../support/mounts.js"

const app = routerOf({ ...basics, unused: Effect.succeed("") })

type Headers = Readonly<Record<string, string>>

/** Runs a test with a handler of the app. */
const using = <A>(
  options: SessionConfig.Options,
  use: (
    go: (path: string, headers?: Headers) => Effect.Effect<{ body: string; setCookie: ReadonlyArray<string> }>
  ) => Effect.Effect<A>,
  provider = probe().provider
) =>
  Effect.gen(function* () {
    const handler = (yield* webHandlers<SessionManager.SessionManager>())(app)
    return yield* use((path, headers = {}) =>
      Effect.promise(async () => {
        const response = await handler(new Request(`http://localhost${path}`, { headers }))
        return { body: await response.text(), setCookie: response.headers.getSetCookie() }
      })
    )
  }).pipe(Effect.provide(managerLayer(options, provider)))

const maxAgeOf = (line: string) => Number(/Max-Age=(\d+)/.exec(line)?.[1])

/** A browser that sends a request every so often, until it has lost its cookie or the time is over. */
const browse = (options: SessionConfig.Options, path: string, every: Duration.Input, over: Duration.Input) =>
  using(options, (go) =>
    Effect.gen(function* () {
      const [first] = (yield* go("/count")).setCookie
      const cookie = first!.split(";")[0]!
      const step = Duration.toSeconds(every)
      let [now, expires, sent, requests] = [0, maxAgeOf(first!), 0, 0]
      while (now + step < Duration.toSeconds(over)) {
        yield* TestClock.adjust(every)
        now += step
        if (now >= expires) return { lost: now, sent, requests }
        requests++
        const { body, setCookie } = yield* go(path, { cookie })
        // After its end a reader sees nothing, and a writer begins anew.
        if (body === "0" || (path === "/count" && body === "1")) return { ended: now, sent, requests }
        if (setCookie.length > 0) {
          sent++
          expires = now + maxAgeOf(setCookie[0]!)
        }
      }
      return { kept: true, sent, requests }
    })
  )

const quiet = { gcInterval: "3650 days" } as const

describe.each(["/count", "/read"])("a visitor who sends %s", (path) => {
  it.effect.each([
    ["a cookie much shorter than the idle timeout", { cookie: { maxAge: "2 minutes" } }, "20 seconds", "2 hours"],
    [
      "a cookie shorter than touchEvery",
      { idleTimeout: "24 hours", absoluteTimeout: "30 days", cookie: { maxAge: "2 hours" } },
      "50 minutes",
      "10 days"
    ],
    [
      "a cookie longer than the idle timeout",
      { idleTimeout: "1 hour", absoluteTimeout: "30 days", cookie: { maxAge: "7 days" } },
      "55 minutes",
      "29 days"
    ],
    [
      "one whose lifetime is never renewed",
      { idleTimeout: "10 days", absoluteTimeout: "10 days", cookie: { maxAge: "1 day" } },
      "11 hours",
      "9 days"
    ],
    ["requests just under half of it apart", { cookie: { maxAge: "20 minutes" } }, "599 seconds", "11 hours"],
    ["requests just over half of it apart", { cookie: { maxAge: "20 minutes" } }, "601 seconds", "11 hours"]
  ] as const)("keeps %s", ([, options, every, over]) =>
    Effect.map(browse({ ...quiet, ...options }, path, every, over), (result) =>
      expect(result).toMatchObject({ kept: true })
    )
  )

  it.effect("is kept to the absolute end, where only the server ends the session", () =>
    Effect.map(browse({ ...quiet, cookie: { maxAge: "10 minutes" } }, path, "4 minutes", "13 hours"), (result) => {
      expect("ended" in result && result.ended).toBeGreaterThanOrEqual(Duration.toSeconds("12 hours") - 240)
    })
  )
})

describe("the cookie", () => {
  it.effect("is not sent more often than is needed to readers", () =>
    Effect.map(browse({ ...quiet, cookie: { maxAge: "20 minutes" } }, "/read", "10 seconds", "2 hours"), (result) => {
      expect(result.requests).toBeGreaterThan(700)
      // Half of it is ten minutes, and a tenth of the idle timeout three.
      expect(result.sent).toBeLessThanOrEqual(45)
      expect(result.sent).toBeGreaterThanOrEqual(6)
    })
  )

  it.effect("is not sent where the session is not used", () =>
    Effect.gen(function* () {
      const sent = yield* using({ ...quiet, cookie: { maxAge: "20 minutes" } }, (go) =>
        Effect.gen(function* () {
          const cookie = (yield* go("/count")).setCookie[0]!.split(";")[0]!
          yield* TestClock.adjust("15 minutes")
          return (yield* go("/unused", { cookie })).setCookie
        })
      )
      expect(sent).toEqual([])
    })
  )

  it.effect("without maxAge is not renewed, for the browser keeps it until it is closed", () =>
    Effect.gen(function* () {
      const sent = yield* using(quiet, (go) =>
        Effect.gen(function* () {
          const cookie = (yield* go("/count")).setCookie[0]!.split(";")[0]!
          yield* TestClock.adjust("15 minutes")
          return [...(yield* go("/read", { cookie })).setCookie, ...(yield* go("/count", { cookie })).setCookie]
        })
      )
      expect(sent).toEqual([])
    })
  )
})

describe("an id that came by other means than the cookie", () => {
  const options = { ...quiet, header: "X-Session-Id", query: "sid", cookie: { maxAge: "30 minutes" } } as const
  it.effect.each(["query", "header"] as const)("is not put into one by reading or writing: %s", (via) =>
    using(options, (go) =>
      Effect.gen(function* () {
        const id = (yield* go("/count")).setCookie[0]!.split(";")[0]!.split("=")[1]!
        const by = (path: string) => (via === "query" ? go(`${path}?sid=${id}`) : go(path, { "x-session-id": id }))
        for (const path of ["/read", "/count", "/read", "/count"]) {
          yield* TestClock.adjust("25 minutes")
          const { body, setCookie } = yield* by(path)
          expect([path, body !== "0", setCookie]).toEqual([path, true, []])
        }
        // Towards the absolute end too.
        for (let i = 0; i < 27; i++) {
          yield* TestClock.adjust("20 minutes")
          expect((yield* by("/read")).setCookie).toEqual([])
        }
        expect((yield* by("/login")).setCookie.length).toBe(1)
      })
    )
  )
})

describe("a reply that says how long the cookie is to be kept", () => {
  const request = HttpServerRequest.fromWeb(new Request("http://localhost/"))

  /** The Set-Cookie lines of a reply. */
  const written = (options: SessionConfig.Options, reply: Reply, needsResponse = false) =>
    Effect.map(SessionConfig.make(options), (config) =>
      Cookies.toSetCookieHeaders(
        makeTransport(config, { accepts: () => true, needsResponse }, makeCaches(config)).write(
          HttpServerResponse.empty(),
          reply,
          request
        ).cookies
      )
    )

  const maxAges = (options: SessionConfig.Options, reply: Reply, needsResponse?: boolean) =>
    Effect.map(written(options, reply, needsResponse), (lines) => lines.map((line) => /Max-Age=(\d+)/.exec(line)?.[1]))

  const day = 24 * 60 * 60

  it.effect.each([
    ["whole seconds", 60_000, "60"],
    ["a part of a second, rounded up", 59_001, "60"],
    ["a millisecond, which does not delete the cookie", 1, "1"],
    ["400 days", 400 * day * 1000, String(400 * day)],
    ["longer than browsers allow", 401 * day * 1000, String(400 * day)],
    ["for ever", Number.POSITIVE_INFINITY, String(400 * day)],
    ["a session that is over", -1, "0"]
  ] as const)("%s", ([, lasts, expected]) =>
    Effect.gen(function* () {
      // With or without one in the configuration.
      expect(yield* maxAges({}, { token: "abc", lasts })).toEqual([expected])
      expect(yield* maxAges({ cookie: { maxAge: "7 days" } }, { token: "abc", lasts })).toEqual([expected])
    })
  )

  it.effect("or does not say so: then the configuration decides", () =>
    Effect.gen(function* () {
      expect(yield* maxAges({}, { token: "abc" })).toEqual([undefined])
      expect(yield* maxAges({ cookie: { maxAge: "7 days" } }, { token: "abc" })).toEqual([String(7 * day)])
      expect(yield* maxAges({}, "forget")).toEqual(["0"])
    })
  )

  it.effect("is obeyed by each cookie of a session that clients hold, and none is longer than browsers allow", () =>
    Effect.gen(function* () {
      const token = "x".repeat(10_000)
      for (const lasts of [undefined, 1_000, Number.POSITIVE_INFINITY]) {
        const lines = yield* written({}, { token, lasts }, true)
        expect(lines).toHaveLength(3)
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(4096)
      }
      expect(yield* maxAges({}, { token, lasts: 2_000 }, true)).toEqual(["2", "2", "2"])
    })
  )
})
