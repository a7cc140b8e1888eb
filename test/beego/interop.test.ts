// beego v2.3.5 and effect-session side by side on the same sessions: a Go app and a TypeScript app, one configuration, one browser.
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "#test/vitest"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import { buildMillis } from "./goProgram.js"
import { browser, goApp, startBoth, temporaryFolder, withCookie } from "./interopApp.js"
import { type Backend, backends, cookieName } from "./interopBackends.js"

// beego stores local time in PostgreSQL; in UTC nobody would see that.
const zone = process.env["TZ"]
beforeAll(() => {
  process.env["TZ"] = "America/Bogota"
})
afterAll(() => {
  if (zone === undefined) delete process.env["TZ"]
  else process.env["TZ"] = zone
})

const cases = (program: Effect.Effect<string>, { gone, provider, regenerates, revocable, start }: Backend) => {
  const place = shared(start)
  const apps = shared(
    Effect.suspend(() => Effect.all([program, place])).pipe(
      Effect.flatMap(([program, providerConfig]) =>
        startBoth(
          program,
          provider,
          JSON.stringify({ cookieName, enableSetCookie: true, gclifetime: 3600, cookieLifeTime: 3600, providerConfig })
        )
      )
    )
  )
  // One after the other on each backend, while the backends wait side by side.
  const live = (name: string, test: Effect.Effect<void, never, Scope.Scope>) =>
    it.live(name, () => test, { concurrent: false })

  live(
    "who signs in on one is signed in on the other",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one, other] of [
        ["go", "ts"],
        ["ts", "go"]
      ] as const) {
        const visitor = browser(both)
        expect(yield* visitor[other]("/me")).toBe("anonymous")
        expect(yield* visitor[one]("/login?username=Ad%C3%A9la")).toBe("signed in")
        expect(yield* visitor[other]("/me")).toBe("Adéla")
        const since = Number(yield* visitor[one]("/since"))
        expect(Math.abs(since - Date.now() / 1000)).toBeLessThan(10)
        expect(yield* visitor[other]("/since")).toBe(`${since}`)
      }
    })
  )

  live(
    "a browser's visits are counted on, whichever it goes to",
    Effect.gen(function* () {
      const both = yield* apps
      for (const order of [
        ["go", "ts", "go", "go", "ts", "ts", "go"],
        ["ts", "go", "ts", "ts", "go", "go", "ts"]
      ] as const) {
        const visitor = browser(both)
        const counted = yield* Effect.forEach(order, (app) => visitor[app]("/visits"))
        expect(counted).toEqual(["1", "2", "3", "4", "5", "6", "7"])
      }
    })
  )

  live(
    "a new id at sign-in is followed, with all that the session holds",
    Effect.gen(function* () {
      const both = yield* apps
      const visitor = browser(both)
      yield* visitor.ts("/visits")
      for (const app of ["go", "ts"] as const) {
        const before = visitor.cookie()
        yield* visitor[app]("/login?username=ada")
        if (app === "ts" || regenerates) expect(visitor.cookie()).not.toBe(before)
        if ((app === "ts" || regenerates) && revocable) {
          expect((yield* withCookie(both.ts, "/me", before)).body).toBe("anonymous")
          const { body, status } = yield* withCookie(both.go, "/me", before)
          expect(status).toBe(gone)
          expect(body).not.toBe("ada")
        }
        expect(yield* visitor.go("/me")).toBe("ada")
        expect(yield* visitor.ts("/me")).toBe("ada")
      }
      expect(yield* visitor.go("/visits")).toBe("2")
      expect(yield* visitor.ts("/visits")).toBe("3")
    })
  )

  live(
    "what Go alone knows is kept by the other's writes",
    Effect.gen(function* () {
      const visitor = browser(yield* apps)
      yield* visitor.go("/login?username=ada")
      const plan = "{Name:gold Seats:3 Roles:[owner admin] Limits:map[projects:7]}"
      expect(yield* visitor.go("/plan")).toBe(plan)
      expect(yield* visitor.ts("/visits")).toBe("1")
      expect(yield* visitor.go("/plan")).toBe(plan)
      yield* visitor.ts("/login?username=bob")
      expect(yield* visitor.go("/me")).toBe("bob")
      expect(yield* visitor.go("/plan")).toBe(plan)
    })
  )

  live(
    revocable
      ? "who signs out on one is signed out on the other, and so is who has a copy of the cookie"
      : "who signs out on one is signed out on the other; a copy of the cookie is good for both, as in beego",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one, other] of [
        ["go", "ts"],
        ["ts", "go"]
      ] as const) {
        for (const home of [one, other]) {
          const visitor = browser(both)
          yield* visitor[home]("/login?username=ada")
          expect(yield* visitor[other]("/me")).toBe("ada")
          const copy = visitor.cookie()
          expect(yield* visitor[one]("/logout")).toBe("signed out")
          expect(visitor.cookie()).toBe("")
          expect(yield* visitor[other]("/me")).toBe("anonymous")
          expect(yield* visitor[one]("/me")).toBe("anonymous")
          const found = yield* Effect.all([withCookie(both.go, "/me", copy), withCookie(both.ts, "/me", copy)])
          expect(found.map(({ body }) => body === "ada")).toEqual([!revocable, !revocable])
        }
      }
    })
  )

  live(
    "a cookie of no session begins one, under another id",
    Effect.gen(function* () {
      const both = yield* apps
      for (const value of ["0123456789abcdef0123456789abcdef", "no-such-session"]) {
        const { body, setCookie } = yield* withCookie(both.ts, "/visits", `${cookieName}=${value}`)
        expect(body).toBe("1")
        expect(setCookie).toHaveLength(1)
        expect(setCookie[0]).not.toContain(value)
        const visits = yield* withCookie(both.go, "/visits", setCookie[0]!.split(";")[0]!)
        expect(visits.body).toBe("2")
      }
    })
  )

  // The last: beego's collector of this one goes by its own lifetime, and takes the others' sessions too.
  live(
    "with the names as Go spells them: a session of either expires on both, and the next is new",
    Effect.gen(function* () {
      const both = yield* startBoth(
        yield* program,
        provider,
        JSON.stringify({
          CookieName: cookieName,
          EnableSetCookie: true,
          Gclifetime: 1,
          Maxlifetime: 2,
          ProviderConfig: yield* place
        })
      )
      const visitors = { go: browser(both), ts: browser(both) }
      yield* visitors.go.go("/login?username=ada")
      yield* visitors.ts.ts("/login?username=ada")
      expect(yield* visitors.go.ts("/me")).toBe("ada")
      expect(yield* visitors.ts.go("/me")).toBe("ada")
      // Longer than the lifetime by what a backend's clock, and beego's collector, may be late.
      yield* Effect.sleep("5300 millis")
      for (const { cookie, go, ts } of Object.values(visitors)) {
        expect((yield* withCookie(both.go, "/me", cookie())).body).not.toBe("ada")
        expect(yield* ts("/me")).toBe("anonymous")
        expect(yield* ts("/visits")).toBe("1")
        expect(yield* go("/visits")).toBe("2")
      }
    })
  )
}

suite("a Go app on beego, and a TypeScript app", ["go"], () => {
  const program = shared(goApp, buildMillis)
  describe.concurrent("on one backend", () => {
    for (const backend of backends) {
      suite(`${backend.provider}${backend.note ?? ""}`, backend.needs, () => cases(program, backend))
    }
  })

  it.live("ids of another form, in a header: each goes on with a session that the other began", () =>
    Effect.gen(function* () {
      const config = {
        cookieName,
        enableSetCookie: false,
        EnableSidInHTTPHeader: true,
        SessionNameInHTTPHeader: "X-Session",
        sessionIDLength: 24,
        sessionIDPrefix: "shop-",
        gclifetime: 3600,
        providerConfig: yield* temporaryFolder
      }
      const both = yield* startBoth(yield* program, "file", JSON.stringify(config))
      const visits = (url: string, id?: string) =>
        Effect.promise(async () => {
          const response = await fetch(`${url}/visits`, { headers: id === undefined ? {} : { "X-Session": id } })
          expect(response.headers.getSetCookie()).toEqual([])
          return { body: await response.text(), id: response.headers.get("X-Session") ?? id }
        })
      for (const [one, other] of [
        [both.go, both.ts],
        [both.ts, both.go]
      ] as const) {
        const { id } = yield* visits(one)
        expect(id).toMatch(/^shop-[0-9a-f]{48}$/)
        expect(yield* visits(other, id)).toEqual({ body: "2", id })
        expect(yield* visits(one, id)).toEqual({ body: "3", id })
      }
    })
  )
})
