/**
 * Two cookies of the session's name: what browsers send after the cookie's domain or path was changed, and what another app of the
 * site can make them send.
 */
import { type SessionConfig, SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { sessionOf } from "../support/events.js"
import { AppSession, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { bytesOf, exchange } from "../support/raw.js"

const read = Effect.flatMap(AppSession, (session) =>
  Effect.map(Effect.all([session.get("visits"), session.get("userId")]), ([visits, userId]) =>
    HttpServerResponse.text(`${visits} ${Option.getOrElse(userId, () => "nobody")}`)
  )
)

const login = Effect.andThen(
  Effect.flatMap(AppSession, (session) => Effect.andThen(session.regenerate, session.set("userId", "ada"))),
  read
)

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/unused", HttpServerResponse.empty()),
  HttpRouter.get("/read", read),
  HttpRouter.get("/login", login),
  HttpRouter.get("/shop/cart/login", login),
  HttpRouter.get(
    "/count",
    Effect.andThen(
      Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1)),
      read
    )
  ),
  HttpRouter.get(
    "/logout",
    Effect.as(
      Effect.flatMap(AppSession, (session) => session.destroy),
      HttpServerResponse.empty()
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const host = "app.shop.example"
const unknown = "A".repeat(43)

const begin = (cookie: SessionConfig.Options["cookie"] = { secure: false }) =>
  Effect.gen(function* () {
    const { layer, logged } = collectLogs()
    const { calls, provider } = probe()
    const server = yield* serve(app, { cookie }, provider).pipe(Effect.provide(layer))
    const one = (yield* server.send("/count")).cookie!
    const two = (yield* server.send("/count")).cookie!
    yield* server.as(two)("/count")
    calls.length = 0
    const get = (path: string, ...cookies: ReadonlyArray<string>) =>
      exchange(server.url, bytesOf("GET", path, { host, connection: "close", cookie: cookies.join("; ") }))
    return { calls, get, logged, one, two, live: server.manager.count, events: server.manager.events }
  })

/** The scopes in which cookies are expired, and those that are set. */
const scopes = (setCookie: ReadonlyArray<string>) => {
  const scope = (line: string) => `${/Domain=([^;]+)/.exec(line)?.[1] ?? "-"} ${/Path=([^;]+)/.exec(line)?.[1]}`
  return {
    set: setCookie.filter((line) => !line.includes("Max-Age=0")).map((line) => line.split(";")[0]),
    expired: setCookie.filter((line) => line.includes("Max-Age=0")).map(scope)
  }
}

describe("one of two is a live session: it is the visitor's", () => {
  for (const [what, order] of [
    ["first", (live: string, other: string) => [live, other]],
    ["last", (live: string, other: string) => [other, live]]
  ] as const) {
    it.effect(`sent ${what}`, () =>
      Effect.gen(function* () {
        const { get, one } = yield* begin()
        for (const other of [`id=${unknown}`, "id=junk", "id="]) {
          expect((yield* get("/read", ...order(one, other))).body, other).toBe("1 nobody")
        }
        expect((yield* get("/count", ...order(one, `id=${unknown}`))).body).toBe("2 nobody")
      })
    )
  }

  it.effect("an answer that changes no cookie leaves all of them alone: it might undo what another has just told", () =>
    Effect.gen(function* () {
      const { get, one } = yield* begin()
      expect((yield* get("/read", one, `id=${unknown}`)).setCookie).toEqual([])
      expect((yield* get("/count", one, `id=${unknown}`)).setCookie).toEqual([])
    })
  )

  // The second is what a request of the web looks like, and what a proxy may send.
  it.effect.each(["/shop/cart/login?x=/y", "http://app.shop.example/shop/cart/login?x=/y"])(
    "an answer that sets it expires those of all other scopes: %s",
    (target) =>
      Effect.gen(function* () {
        const { get, one } = yield* begin()
        const { setCookie } = yield* get(target, one, `id=${unknown}`)
        const { expired, set } = scopes(setCookie)
        expect(set.length).toBe(1)
        expect(expired).not.toContain("- /")
        expect(expired).toEqual(
          expect.arrayContaining(["app.shop.example /", "shop.example /", "- /shop", "- /shop/cart"])
        )
        expect(expired.some((scope) => scope.startsWith("example "))).toBe(false)
        expect((yield* get("/read", set[0]!)).body).toBe("1 ada")
      })
  )

  it.effect("can sign in and out again", () =>
    Effect.gen(function* () {
      const { get, one } = yield* begin({ secure: false, domain: "shop.example" })
      const login = yield* get("/login", `id=${unknown}`, one)
      const { expired, set } = scopes(login.setCookie)
      expect(login.body).toBe("1 ada")
      expect([set.length, expired.includes("- /"), expired.includes("shop.example /")]).toEqual([1, true, false])
      expect((yield* get("/read", set[0]!)).body).toBe("1 ada")
      const out = yield* get("/logout", set[0]!, `id=${unknown}`)
      expect(scopes(out.setCookie).expired).toEqual(expect.arrayContaining(["shop.example /", "- /"]))
      expect((yield* get("/read", set[0]!)).body).toBe("0 nobody")
    })
  )

  it.effect("costs nothing where the session is not used", () =>
    Effect.gen(function* () {
      const { calls, get, one } = yield* begin()
      expect((yield* get("/unused", one, `id=${unknown}`)).setCookie).toEqual([])
      expect(calls).toEqual([])
    })
  )
})

describe("both of two are live: nobody's", () => {
  it.effect("is seen, changed or lost; a change is a 503, and the other scopes are expired", () =>
    Effect.gen(function* () {
      const { calls, get, live, one, two } = yield* begin()
      const seen = yield* get("/read", one, two)
      expect([seen.status, seen.body, scopes(seen.setCookie).set]).toEqual([200, "0 nobody", []])
      expect(scopes(seen.setCookie).expired).toContain("app.shop.example /")
      const changed = yield* get("/count", one, two)
      expect([changed.status, scopes(changed.setCookie).set]).toEqual([503, []])
      expect(scopes(changed.setCookie).expired).toContain("shop.example /")
      expect(calls.filter((call) => call !== "read")).toEqual([])
      expect(yield* live).toBe(2)
      expect([(yield* get("/read", one)).body, (yield* get("/read", two)).body]).toEqual(["1 nobody", "2 nobody"])
    })
  )

  it.effect("whoever signs in has a session of their own, without the data of either", () =>
    Effect.gen(function* () {
      const { get, one, two } = yield* begin()
      const login = yield* get("/login", one, two)
      const { set } = scopes(login.setCookie)
      expect([login.status, login.body, set.length]).toEqual([200, "0 ada", 1])
      expect([one, two]).not.toContain(set[0])
      expect((yield* get("/read", set[0]!)).body).toBe("0 ada")
    })
  )

  it.effect("a logout ends both", () =>
    Effect.gen(function* () {
      const { get, live, one, two } = yield* begin()
      const { setCookie, status } = yield* get("/logout", one, two)
      expect([status, scopes(setCookie).expired.includes("- /")]).toEqual([204, true])
      expect(yield* live).toBe(0)
    })
  )
})

describe("none of two is live", () => {
  it.effect("a write begins a session", () =>
    Effect.gen(function* () {
      const { get } = yield* begin()
      const begun = yield* get("/count", `id=${unknown}`, `id=${"B".repeat(43)}`)
      const { expired, set } = scopes(begun.setCookie)
      expect([begun.status, begun.body, set.length, expired.includes("shop.example /")]).toEqual([
        200,
        "1 nobody",
        1,
        true
      ])
      expect((yield* get("/read", set[0]!)).body).toBe("1 nobody")
    })
  )

  it.effect("of two that are junk, no backend is asked", () =>
    Effect.gen(function* () {
      const { calls, get } = yield* begin()
      expect((yield* get("/read", "id=x", "id=y")).body).toBe("0 nobody")
      expect(calls).toEqual([])
    })
  )
})

describe("more than it seems", () => {
  it.effect("the same value twice is one", () =>
    Effect.gen(function* () {
      const { calls, get, one } = yield* begin()
      expect((yield* get("/count", one, one)).body).toBe("2 nobody")
      expect(calls).toEqual(["read", "write"])
    })
  )

  it.effect("a hundred cost two reads", () =>
    Effect.gen(function* () {
      const { calls, get, one } = yield* begin()
      const many = Array.from({ length: 100 }, (_, i) => `id=${String(i).padStart(43, "A")}`)
      yield* get("/read", ...many, one)
      expect(calls).toEqual(["read", "read"])
    })
  )

  it.effect("three that are no sessions, in front of the visitor's, neither sign out nor begin another session", () =>
    Effect.gen(function* () {
      const { get, live, one } = yield* begin()
      const bogus = ["A", "B", "C"].map((letter) => `id=${letter.repeat(43)}`)
      const seen = yield* get("/read", ...bogus, one)
      expect([seen.status, seen.body, scopes(seen.setCookie).set]).toEqual([200, "0 nobody", []])
      expect(scopes(seen.setCookie).expired).not.toContain("- /")
      const changed = yield* get("/count", ...bogus, one)
      expect([changed.status, scopes(changed.setCookie).set]).toEqual([503, []])
      expect(scopes(changed.setCookie).expired).not.toContain("- /")
      expect(yield* live).toBe(2)
      expect((yield* get("/read", one)).body).toBe("1 nobody")
    })
  )

  it.effect("a __Host- cookie has one scope, so that there is nothing else to expire", () =>
    Effect.gen(function* () {
      const { get, one } = yield* begin({})
      const answer = yield* get("/read", one, `__Host-id=${unknown}`)
      expect([answer.body, scopes(answer.setCookie).expired]).toEqual(["1 nobody", []])
    })
  )

  it.effect("a handler's cookies of its own stay", () =>
    Effect.gen(function* () {
      const own = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/",
          Effect.map(
            Effect.flatMap(AppSession, (session) => session.get("visits")),
            () => HttpServerResponse.setCookieUnsafe(HttpServerResponse.empty(), "theme", "dark")
          )
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { url } = yield* serve(own, { cookie: { secure: false } })
      const cookie = `id=${unknown}; id=${"B".repeat(43)}`
      const { setCookie } = yield* exchange(url, bytesOf("GET", "/", { host, connection: "close", cookie }))
      expect(setCookie).toContain("theme=dark")
      expect(scopes(setCookie).expired.length).toBeGreaterThan(0)
    })
  )
})

describe("seen from outside", () => {
  it.effect("the log warns once, with what to do, and shows no id", () =>
    Effect.gen(function* () {
      const { get, logged, one, two } = yield* begin()
      for (let i = 0; i < 3; i++) yield* get("/read", one, two)
      yield* get("/login", one, `id=${unknown}`)
      expect(logged).toHaveLength(1)
      expect(logged[0]).toMatch(/two cookies.*domain or path.*__Host-/)
      expect(logged[0]).not.toContain(one.slice(3))
    })
  )

  it.effect("each request that is read so is an event", () =>
    Effect.gen(function* () {
      const { events, get, one, two } = yield* begin()
      const seen = yield* Effect.forkChild(
        Stream.runCollect(
          Stream.take(
            Stream.filter(events, ({ _tag }) => _tag === "Tossed"),
            3
          )
        )
      )
      yield* Effect.yieldNow
      yield* get("/read", one)
      yield* get("/unused", one, two)
      yield* get("/read", one, two)
      yield* get("/read", one, `id=${unknown}`)
      yield* get("/read", "id=x", "id=y")
      expect(Array.from(yield* Fiber.join(seen), (event) => sessionOf(event) !== undefined)).toEqual([
        true,
        true,
        false
      ])
    })
  )
})
