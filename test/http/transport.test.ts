/**
 * How ids travel: cookies and their attributes, headers, queries, and everything that is not an id.
 */
import { type SessionConfig, SessionHttp } from "effect-session"
import * as FastCheck from "fast-check"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { findCookies } from "../../src/Manager/cookieHeader.js"
import { AppSession, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { basics, routesOf } from "../support/mounts.js"

const app = routesOf(basics).pipe(
  HttpRouter.get(
    "/cached",
    Effect.as(
      basics.count,
      HttpServerResponse.text("", { headers: { "cache-control": "public, max-age=3600", vary: "Accept" } })
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

describe("cookies", () => {
  const first = (options: SessionConfig.Options) =>
    Effect.map(
      Effect.flatMap(serve(app, options), ({ send }) => send("/count")),
      ({ setCookie }) => setCookie[0]!.replace(/=[A-Za-z0-9_-]{43};/, "=ID;")
    )

  for (const [name, options, expected] of [
    ["by default are __Host-, Secure, HttpOnly, Lax", {}, "__Host-id=ID; Path=/; HttpOnly; Secure; SameSite=Lax"],
    ["for local http", { cookie: { secure: false } }, "id=ID; Path=/; HttpOnly; SameSite=Lax"],
    [
      "of a domain",
      { cookie: { domain: "example.org" } },
      "__Secure-id=ID; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=Lax"
    ],
    [
      "that the browser keeps",
      { cookie: { maxAge: "90 minutes", sameSite: "strict" } },
      "__Host-id=ID; Max-Age=5400; Path=/; HttpOnly; Secure; SameSite=Strict"
    ],
    [
      "in frames of other sites",
      { cookie: { name: "sid", sameSite: "none", partitioned: true, httpOnly: false } },
      "sid=ID; Path=/; Secure; Partitioned; SameSite=None"
    ]
  ] as const) {
    it.effect(name, () => Effect.map(first(options), (line) => expect(line).toBe(expected)))
  }

  it.effect("have the same attributes when set, renewed and removed", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app, { cookie: { domain: "example.org", sameSite: "strict" } })
      const created = yield* send("/count")
      const renewed = yield* as(created.cookie)("/login")
      const removed = yield* as(renewed.cookie)("/logout")
      const attributes = (line: string) =>
        line
          .split("; ")
          .slice(1)
          .filter((attribute) => !/^(Max-Age|Expires)=/.test(attribute))
      expect(attributes(renewed.setCookie[0]!)).toEqual(attributes(created.setCookie[0]!))
      expect(attributes(removed.setCookie[0]!)).toEqual(attributes(created.setCookie[0]!))
      expect(removed.setCookie[0]).toContain("Max-Age=0")
    })
  )

  it.effect("are one line a response, none where nothing changed, and keep caches away", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app)
      const created = yield* send("/cached")
      expect(created.setCookie.length).toBe(1)
      expect(created.headers["cache-control"]).toBe("no-store")
      expect(created.headers["vary"]).toBe("Accept, Cookie")
      const again = yield* as(created.cookie)("/cached")
      expect(again.setCookie).toEqual([])
      expect(again.headers["cache-control"]).toBe("private, no-cache")
      expect(again.headers["vary"]).toBe("Accept, Cookie")
    })
  )

  it.effect("that another app sends are read, and neither set nor removed", () =>
    Effect.gen(function* () {
      const { provider } = probe()
      const { cookie } = yield* Effect.flatMap(serve(app, {}, provider), ({ send }) => send("/count"))
      const { as } = yield* serve(app, { cookie: { sent: false } }, provider)
      const counted = yield* as(cookie)("/count")
      expect([counted.body, counted.setCookie]).toEqual(["2", []])
      expect((yield* as(cookie)("/logout")).setCookie).toEqual([])
      expect((yield* as(cookie)("/read")).body).toBe("0")
    })
  )

  it.effect("session.id is the id that the client gets", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app)
      const first = yield* send("/login")
      expect(first.cookie).toBe(`__Host-id=${first.body}`)
      const second = yield* as(first.cookie)("/login")
      expect(second.cookie).toBe(`__Host-id=${second.body}`)
      expect(second.body).not.toBe(first.body)
      expect((yield* as(first.cookie)("/read")).body).toBe("0")
    })
  )
})

describe("bad input is an anonymous session: no backend call, no error, no log, no cookie", () => {
  const good = "A".repeat(43)
  const cookies: Record<string, string> = {
    "an empty id": "__Host-id=",
    "one character": "__Host-id=A",
    "8,192 characters": `__Host-id=${"A".repeat(8_192)}`,
    "a character less": `__Host-id=${"A".repeat(42)}`,
    "a character more": `__Host-id=${"A".repeat(44)}`,
    "another alphabet": `__Host-id=${"!".repeat(43)}`,
    "a path": `__Host-id=../${"A".repeat(40)}`,
    "an escape": `__Host-id=%zz${"A".repeat(40)}`,
    "a quoted id": `__Host-id="${"A".repeat(41)}"`,
    "a prototype's name": "__Host-id=__proto__",
    "no value": "__Host-id",
    "separators only": ";;; ; =;=",
    "another name in other case": `__host-id=${good}`
  }
  for (const [name, cookie] of Object.entries(cookies)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { layer, logged } = collectLogs()
        const { calls, provider } = probe()
        const answer = yield* Effect.flatMap(serve(app, {}, provider), ({ as }) => as(cookie)("/read")).pipe(
          Effect.provide(layer)
        )
        expect([answer.status, answer.body, answer.setCookie, calls, logged]).toEqual([200, "0", [], [], []])
      })
    )
  }

  it("a NUL, 100,000 characters and a header of 64 KB, which Node itself does not let through", () => {
    const header = (value: string) => findCookies(value, "__Host-id")
    expect(header(`a=${"x".repeat(64 * 1024)}; __Host-id=${good}`)).toEqual([])
    expect(header(`__Host-id=${"A".repeat(100_000)}`)).toEqual([])
    expect(header(`__Host-id=A\u0000B`)).toEqual(["A\u0000B"])
  })

  it.effect("an id of no session is not adopted, and its cookie is left alone unless the handler writes", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const { as } = yield* serve(app, {}, provider)
      const unknown = as(`__Host-id=${good}`)
      const read = yield* unknown("/read")
      expect([read.body, read.setCookie]).toEqual(["0", []])
      const written = yield* unknown("/count")
      expect(written.cookie).not.toContain(good)
      expect(calls).toEqual(["read", "read", "create"])
      expect((yield* unknown("/read")).body).toBe("0")
    })
  )
})

describe("a Secure cookie to a page of plain http, which browsers drop silently", () => {
  /** What is logged when a session begins in such requests. */
  const warnings = (options: SessionConfig.Options, ...requests: ReadonlyArray<Readonly<Record<string, string>>>) => {
    const { layer, logged } = collectLogs()
    return Effect.flatMap(serve(app, options), ({ send }) =>
      Effect.forEach(requests, (headers) => send("/count", { headers }))
    ).pipe(
      Effect.provide(layer),
      Effect.map((answers) => {
        expect(answers.map(({ setCookie }) => setCookie.length)).toEqual(requests.map(() => 1))
        return logged
      })
    )
  }
  const form = { host: "app.example:8080", origin: "http://app.example:8080" }
  const link = { host: "app.example", referer: "http://app.example/some/page" }

  it.effect("is warned of, once, with what to do", () =>
    Effect.gen(function* () {
      const logged = yield* warnings({}, form, link, form)
      expect(logged).toHaveLength(1)
      expect(logged[0]).toMatch(/plain http.*SESSION_COOKIE_SECURE=false/)
      expect(yield* warnings({}, link)).toEqual(logged)
    })
  )

  const fine: Record<string, [SessionConfig.Options, Readonly<Record<string, string>>]> = {
    "https, behind a proxy": [{}, { host: "app.example", origin: "https://app.example" }],
    "another site's page": [{}, { host: "app.example", origin: "http://example.org" }],
    "a site whose name begins alike": [{}, { host: "app.example", referer: "http://app.example.org/" }],
    "this machine, which browsers trust": [{}, { host: "localhost:3000", origin: "http://localhost:3000" }],
    "this machine, by its address": [{}, { host: "127.0.0.1:3000", referer: "http://127.0.0.1:3000/" }],
    "a client that is no browser": [{}, { host: "app.example" }],
    "a cookie that is not Secure": [{ cookie: { secure: false } }, form]
  }
  it.effect.each(Object.keys(fine))("is not seen in: %s", (name) =>
    Effect.map(warnings(...fine[name]!), (logged) => expect(logged).toEqual([]))
  )
})

describe("findCookies", () => {
  const name = FastCheck.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/)
  const value = FastCheck.stringMatching(/^[!#-+\--:<-[\]-~]{0,20}$/)
  const pair = FastCheck.tuple(name, value)

  it("finds what a browser sent, in its order", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(pair, { maxLength: 8 }), name, (pairs, wanted) => {
        const header = pairs.map(([name, value]) => `${name}=${value}`).join("; ")
        expect(findCookies(header, wanted)).toEqual(pairs.filter(([name]) => name === wanted).map(([, value]) => value))
      })
    )
  })

  it("survives every string", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.fullUnicodeString(), name, (header, wanted) => {
        expect(findCookies(header, wanted).length === 0 || header.includes(`${wanted}=`)).toBe(true)
      })
    )
  })
})

describe("header and query", () => {
  const options = { cookie: false, header: "X-Session-Id" } as const

  it.effect("a header carries the id both ways; regenerate and destroy work", () =>
    Effect.gen(function* () {
      const { send } = yield* serve(app, options)
      const first = yield* send("/count")
      expect(first.setCookie).toEqual([])
      const id = first.headers["x-session-id"]!
      const by = (id: string) => (path: string) => send(path, { headers: { "x-session-id": id } })
      expect((yield* by(id)("/count")).body).toBe("2")
      const next = (yield* by(id)("/login")).headers["x-session-id"]!
      expect(next).not.toBe(id)
      expect((yield* by(id)("/read")).body).toBe("0")
      expect((yield* by(next)("/read")).body).toBe("2")
      expect((yield* by(next)("/logout")).headers["x-session-id"]).toBe("")
      expect((yield* by(next)("/read")).body).toBe("0")
    })
  )

  it.effect("a query parameter carries it in; regenerate and destroy work", () =>
    Effect.gen(function* () {
      const { send } = yield* serve(app, { ...options, query: "sid" })
      const id = (yield* send("/count")).headers["x-session-id"]!
      expect((yield* send(`/count?a=1&sid=${id}`)).body).toBe("2")
      const next = (yield* send(`/login?sid=${id}`)).headers["x-session-id"]!
      expect((yield* send(`/read?sid=${id}`)).body).toBe("0")
      expect((yield* send(`/read?sid=${next}`)).body).toBe("2")
      yield* send(`/logout?sid=${next}`)
      expect((yield* send(`/read?sid=${next}`)).body).toBe("0")
    })
  )

  it.effect("several: the cookie comes first, then the query, then the header", () =>
    Effect.gen(function* () {
      const { send } = yield* serve(app, { cookie: { name: "id" }, header: "X-Session-Id", query: "sid" })
      const make = (n: number) =>
        Effect.gen(function* () {
          const { cookie } = yield* send("/count")
          for (let i = 1; i < n; i++) {
            yield* send("/count", { headers: { cookie: cookie! } })
          }
          return cookie!.slice(3)
        })
      const [one, two, three] = [yield* make(1), yield* make(2), yield* make(3)]
      const headers = { "x-session-id": three }
      expect((yield* send(`/read?sid=${two}`, { headers: { ...headers, cookie: `id=${one}` } })).body).toBe("1")
      expect((yield* send(`/read?sid=${two}`, { headers })).body).toBe("2")
      expect((yield* send("/read", { headers })).body).toBe("3")
      // A cookie that is there is the answer, even where it is of no session.
      expect((yield* send(`/read?sid=${two}`, { headers: { ...headers, cookie: "id=x" } })).body).toBe("0")
    })
  )

  it.effect("are ignored unless they are turned on", () =>
    Effect.gen(function* () {
      const { send } = yield* serve(app)
      const id = (yield* send("/count")).cookie!.split("=")[1]!
      expect((yield* send(`/read?id=${id}&__Host-id=${id}`, { headers: { "x-session-id": id } })).body).toBe("0")
    })
  )
})
