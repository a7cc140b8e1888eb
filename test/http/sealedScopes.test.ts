/**
 * Sealed sessions of a browser that keeps cookies in two scopes, as it does after the cookie's domain was changed: which parts belong
 * together, and that signing in and out works all the same.
 */
import { SessionHttp, SessionStore } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { type Server, serve } from "../support/http.js"
import { bytesOf, exchange } from "../support/raw.js"

class Notes extends SessionStore.Tag<Notes>()("Notes", {
  userId: Schema.String,
  text: Schema.String,
  visits: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

type Session = SessionStore.Session<typeof Notes.fields>

const using = (use: (session: Session) => Effect.Effect<unknown, unknown>) =>
  Effect.as(Effect.flatMap(Notes, use), HttpServerResponse.empty())

const login = (session: Session) => Effect.andThen(session.regenerate, session.set("userId", "ada"))

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/read",
    Effect.map(
      Effect.flatMap(Notes, (session) => Effect.all([session.get("visits"), session.get("userId")])),
      ([visits, userId]) => HttpServerResponse.text(`${visits} ${Option.getOrElse(userId, () => "nobody")}`)
    )
  ),
  HttpRouter.get("/login", using(login)),
  // Takes two cookies.
  HttpRouter.get(
    "/login/large",
    using((session) => Effect.andThen(login(session), session.set("text", "x".repeat(4_000))))
  ),
  HttpRouter.get(
    "/count",
    using((session) => session.update("visits", (n) => n + 1))
  ),
  HttpRouter.get(
    "/logout",
    using((session) => session.destroy)
  ),
  HttpRouter.use(SessionHttp.middleware(Notes))
)

const host = "app.shop.example"

/** A browser that keeps cookies by name, domain and path, and sends them without saying which is which. */
const makeBrowser = () => {
  const cookies = new Map<string, string>()
  const keep = (line: string) => {
    const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)!
    const scope = `${/; Domain=([^;]+)/.exec(line)?.[1] ?? "-"} ${/; Path=([^;]+)/.exec(line)?.[1]} ${name}`
    if (/; Max-Age=0(;|$)/.test(line)) {
      cookies.delete(scope)
    } else {
      cookies.set(scope, `${name}=${value}`)
    }
  }
  const get = (server: Pick<Server, "url">, path: string) => {
    const cookie = [...cookies.values()].join("; ")
    const headers = { host, connection: "close", ...(cookie === "" ? {} : { cookie }) }
    return Effect.tap(exchange(server.url, bytesOf("GET", path, headers)), ({ setCookie }) =>
      Effect.sync(() => setCookie.forEach(keep))
    )
  }
  return { cookies, get }
}

/** A server before its cookie's domain was changed, and after. */
const begin = Effect.gen(function* () {
  const sealing = yield* Cookie.make({ keys: [key()] })
  const before = yield* serve(app, { cookie: { secure: false } }, sealing)
  const after = yield* serve(app, { cookie: { secure: false, domain: "shop.example" } }, sealing)
  const { cookies, get } = makeBrowser()
  const statuses: Array<number> = []
  const visit = (server: Server, path: string) =>
    Effect.map(get(server, path), ({ body, status }) => {
      statuses.push(status)
      return body
    })
  return {
    cookies,
    statuses,
    earlier: (path: string) => visit(before, path),
    now: (path: string) => visit(after, path)
  }
})

const sizes = ["/login", "/login/large"] as const

describe("after the cookie's domain was changed", () => {
  for (const first of sizes) {
    for (const second of sizes) {
      it.effect(`${second} after ${first} signs in, at once or from the next request on, for good`, () =>
        Effect.gen(function* () {
          const { cookies, earlier, now, statuses } = yield* begin
          yield* earlier(first)
          expect(yield* now("/read")).toBe("0 ada")
          yield* now(second)
          // May find two sessions; then it takes the other one's cookies away.
          const seen = yield* now("/read")
          if (seen === "0 nobody") {
            expect(yield* now("/read")).toBe("0 ada")
          } else {
            expect(seen).toBe("0 ada")
          }
          yield* now("/count")
          expect(yield* now("/read")).toBe("1 ada")
          for (const again of sizes) {
            yield* now(again)
            expect(yield* now("/read"), again).toBe("1 ada")
          }
          expect([...cookies.keys()].filter((scope) => scope.startsWith("- "))).toEqual([])
          expect(statuses.filter((status) => status >= 500)).toEqual([])
        })
      )

      it.effect(`a sign-out after ${first} and ${second} removes all of them`, () =>
        Effect.gen(function* () {
          const { cookies, earlier, now } = yield* begin
          yield* earlier(first)
          yield* now(second)
          yield* now("/logout")
          expect([...cookies.keys()]).toEqual([])
          expect(yield* now("/read")).toBe("0 nobody")
        })
      )
    }

    it.effect(`a sign-out by the first request, after ${first}, removes its cookies`, () =>
      Effect.gen(function* () {
        const { cookies, earlier, now } = yield* begin
        yield* earlier(first)
        yield* now("/logout")
        expect([...cookies.keys()]).toEqual([])
        expect(yield* now("/read")).toBe("0 nobody")
      })
    )
  }
})

describe("two copies of one session", () => {
  for (const path of sizes) {
    it.effect(`the newer one counts, wherever it is sent, after ${path}`, () =>
      Effect.gen(function* () {
        const { earlier, now, statuses } = yield* begin
        yield* earlier(path)
        yield* now("/count")
        expect(yield* now("/read")).toBe("1 ada")
        yield* now("/count")
        expect(yield* now("/read")).toBe("2 ada")
        expect(statuses.filter((status) => status >= 500)).toEqual([])
      })
    )
  }

  it.effect("the newer one counts if it is sent first", () =>
    Effect.gen(function* () {
      const sealing = yield* Cookie.make({ keys: [key()] })
      const { as, send } = yield* serve(app, { cookie: { secure: false } }, sealing)
      const old = (yield* send("/login")).cookie!
      const newer = (yield* as(old)("/count")).cookie!
      for (const cookie of [`${old}; ${newer}`, `${newer}; ${old}`]) {
        expect((yield* as(cookie)("/read")).body).toBe("1 ada")
        const counted = yield* as(cookie)("/count")
        expect(counted.status).toBe(204)
      }
    })
  )
})
