/**
 * Nobody is served a page that was made for somebody else: with caches in front that keep all that RFC 9111 lets them.
 */
import { type SessionConfig, SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { cache } from "../support/cache.js"
import { AppSession, type Server, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { basics, mounts } from "../support/mounts.js"

const long = "Thu, 01 Jan 2037 00:00:00 GMT"
const ago = "Thu, 01 Jan 2015 00:00:00 GMT"

/** What a handler says of its page, beside the page. */
const kinds: Readonly<Record<string, { readonly status?: number; readonly headers?: Record<string, string> }>> = {
  plain: {},
  moved: { status: 301, headers: { location: "/elsewhere" } },
  "not-found": { status: 404 },
  gone: { status: 410 },
  etag: { headers: { etag: '"v1"' } },
  modified: { headers: { "last-modified": ago } },
  expires: { headers: { expires: long } },
  public: { headers: { "cache-control": "public, max-age=600" } },
  "max-age": { headers: { "cache-control": "max-age=600" } },
  "s-maxage": { headers: { "cache-control": "s-maxage=600, max-age=0" } },
  "no-cache": { headers: { "cache-control": "no-cache", etag: '"v1"' } },
  "must-revalidate": { headers: { "cache-control": "must-revalidate, no-transform" } },
  "private-field": { headers: { "cache-control": 'private="set-cookie, x", max-age=600' } },
  both: { headers: { "cache-control": "private, public, max-age=600" } },
  understood: { headers: { "cache-control": "must-understand, no-store, max-age=600" } },
  cdn: { headers: { "cdn-cache-control": "max-age=600" } },
  "a-makers": { headers: { "cloudflare-cdn-cache-control": "max-age=600" } },
  "cdn-and-private": { headers: { "cdn-cache-control": "max-age=600", "cache-control": "private" } },
  varied: { headers: { vary: "Accept-Encoding", "cache-control": "public, max-age=600" } }
}

/** Answers with a page about `who`, or that what the client has is still right: its validators know nothing of people. */
const page = (who: string, { headers = {}, status = 200 }: (typeof kinds)[string]) =>
  Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
    const isKnown =
      (headers["etag"] !== undefined && request.headers["if-none-match"] === headers["etag"]) ||
      (headers["last-modified"] !== undefined && request.headers["if-modified-since"] === headers["last-modified"])
    return isKnown
      ? HttpServerResponse.empty({ status: 304, headers })
      : HttpServerResponse.text(`page of ${who}`, { status, headers })
  })

const who = Effect.map(
  Effect.flatMap(AppSession, (session) => session.get("userId")),
  Option.getOrElse(() => "nobody")
)

/** As a handler that finds out by itself: what caches do to it is what the session's headers prevent. */
const byHand = Effect.map(
  HttpServerRequest.HttpServerRequest,
  ({ headers }) => headers["x-name"] ?? headers["cookie"] ?? "nobody"
)

const app = Object.entries(kinds)
  .reduce(
    (router, [name, kind]) =>
      HttpRouter.get(
        HttpRouter.get(
          router,
          `/own/${name}`,
          Effect.flatMap(who, (who) => page(who, kind))
        ),
        `/by-hand/${name}`,
        Effect.flatMap(byHand, (who) => page(who, kind))
      ),
    HttpRouter.empty as HttpRouter.HttpRouter<any, AppSession>
  )
  .pipe(
    HttpRouter.post(
      "/login/:name",
      Effect.gen(function* () {
        const session = yield* AppSession
        const { url } = yield* HttpServerRequest.HttpServerRequest
        yield* session.signIn(url)
        yield* session.set("userId", url.slice(url.lastIndexOf("/") + 1))
        return HttpServerResponse.text("in")
      })
    ),
    HttpRouter.use(SessionHttp.middleware(AppSession))
  )

const begin = (options: SessionConfig.Options = {}) =>
  Effect.gen(function* () {
    const server: Server = yield* serve(app as never, options)
    const signIn = (name: string) => server.send(`/login/${name}`, { method: "POST" })
    const clock = { now: Date.now() / 1000 }
    const behind = (kind: "shared" | "private") => {
      const ask = cache(
        kind,
        async (path, method, headers) => {
          const response = await fetch(server.url + path, { method, headers, redirect: "manual" })
          return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
        },
        () => clock.now
      )
      return (path: string, headers?: Record<string, string>, method?: "GET" | "HEAD") =>
        Effect.promise(() => ask(path, headers, method))
    }
    return { server, signIn, behind, clock }
  })

describe.each(["shared", "private"] as const)("a %s cache", (kind) => {
  it.effect.each(Object.keys(kinds))("shows each their own: %s", (name) =>
    Effect.gen(function* () {
      const { behind, clock, signIn } = yield* begin()
      const ask = behind(kind)
      const visitors = [
        ["ada", { cookie: (yield* signIn("ada")).cookie! }],
        ["bob", { cookie: (yield* signIn("bob")).cookie! }],
        ["nobody", {}]
      ] as const
      const path = `/own/${name}`
      const { status = 200 } = kinds[name]!
      for (let round = 0; round < 3; round++) {
        for (const [who, headers] of visitors) {
          yield* ask(path, headers, "HEAD")
          const seen = yield* ask(path, headers)
          expect([seen.status, seen.body]).toEqual([status, `page of ${who}`])
        }
        clock.now += 30
      }
    })
  )
})

it.effect.each(["plain", "moved", "not-found", "etag", "modified", "expires", "public", "cdn"])(
  "without the session's headers a shared cache shows the page of another: %s",
  (name) =>
    Effect.gen(function* () {
      const { behind } = yield* begin()
      const ask = behind("shared")
      yield* ask(`/by-hand/${name}`, { "x-name": "ada" })
      const seen = yield* ask(`/by-hand/${name}`, { "x-name": "bob" })
      expect([seen.body, seen.hit]).toEqual(["page of ada", true])
    })
)

describe("what a handler says", () => {
  const headersAt = (path: string, options?: SessionConfig.Options) =>
    Effect.gen(function* () {
      const { server, signIn } = yield* begin(options)
      const { cookie } = yield* signIn("ada")
      const { headers } = yield* server.as(cookie)(path)
      return [headers["cache-control"], headers["vary"]]
    })

  it.effect.each([
    ["/own/plain", ["private, no-cache", "Cookie"]],
    ["/own/must-revalidate", ["private, no-cache, must-revalidate, no-transform", "Cookie"]],
    ["/own/varied", ["private, no-cache", "Accept-Encoding, Cookie"]],
    ["/own/cdn-and-private", ["private", "Cookie"]],
    ["/own/understood", ["no-store, max-age=600", "Cookie"]],
    ["/by-hand/public", ["public, max-age=600", undefined]],
    ["/by-hand/plain", [undefined, undefined]]
  ] as const)("%s", ([path, expected]) => Effect.map(headersAt(path), (headers) => expect(headers).toEqual(expected)))

  it.effect("a stream, whose body may read the session when the headers have left, is for its client alone", () =>
    Effect.gen(function* () {
      const streamed = (headers?: Record<string, string>) =>
        Effect.map(AppSession, (session) =>
          HttpServerResponse.stream(
            Stream.fromEffect(Effect.map(session.get("visits"), (visits) => Buffer.from(`${visits}`))),
            headers && { headers }
          )
        ).pipe(SessionHttp.middleware(AppSession))
      const headersOf = (...given: Parameters<typeof streamed>) =>
        Effect.map(
          Effect.flatMap(serve(streamed(...given)), ({ send }) => send("/")),
          ({ body, headers }) => [body, headers["cache-control"], headers["vary"]]
        )
      expect(yield* headersOf()).toEqual(["0", "private, no-cache", "Cookie"])
      // What a handler says of a session that it has not used itself, it has to know.
      const said = "public, max-age=600"
      expect(yield* headersOf({ "cache-control": said })).toEqual(["0", said, undefined])
    })
  )

  it.effect("headers for one maker's caches do not overrule it", () =>
    Effect.gen(function* () {
      const { server, signIn } = yield* begin()
      const { cookie } = yield* signIn("ada")
      const { headers } = yield* server.as(cookie)("/own/a-makers")
      expect(headers["cloudflare-cdn-cache-control"]).toBe("no-store")
    })
  )

  it.effect.each([
    ["must-understand, no-store, max-age=600", "no-store, max-age=600"],
    ['community="no-store", max-age=600', "no-store"],
    ["No-Store, no-transform", "No-Store, no-transform"],
    ["private", "no-store"]
  ] as const)("a response that sets the cookie is kept nowhere: %s", ([said, expected]) =>
    Effect.gen(function* () {
      const own = Effect.as(
        Effect.flatMap(AppSession, (session) => session.set("userId", "ada")),
        HttpServerResponse.text("in", { headers: { "cache-control": said } })
      ).pipe(SessionHttp.middleware(AppSession))
      const { headers, setCookie } = yield* Effect.flatMap(serve(own), ({ send }) => send("/"))
      expect([setCookie.length, headers["cache-control"]]).toEqual([1, expected])
    })
  )

  it.effect("a browser may be told to keep a page, and then shows it to the same visitor alone", () =>
    Effect.gen(function* () {
      const own = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/",
          Effect.map(who, (who) =>
            HttpServerResponse.text(who, { headers: { "cache-control": "private, max-age=600" } })
          )
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { send } = yield* serve(own)
      expect((yield* send("/")).headers["cache-control"]).toBe("private, max-age=600")
    })
  )

  it.effect("a session by header varies by that", () =>
    Effect.gen(function* () {
      const own = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/",
          Effect.map(who, (who) => HttpServerResponse.text(who))
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const vary = (options: SessionConfig.Options) =>
        Effect.map(
          Effect.flatMap(serve(own, options), ({ send }) => send("/")),
          ({ headers }) => headers["vary"]
        )
      expect(yield* vary({ cookie: false, header: "X-Session" })).toBe("X-Session")
      expect(yield* vary({ header: "X-Session" })).toBe("Cookie, X-Session")
      expect(yield* vary({ cookie: false, query: "id" })).toBeUndefined()
    })
  )

  it.effect("one warning says that it was overruled", () =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      const { server } = yield* Effect.provide(begin(), layer)
      for (const quiet of ["plain", "no-cache", "must-revalidate", "moved"]) yield* server.send(`/own/${quiet}`)
      expect(logged).toEqual([])
      for (const loud of ["public", "cdn", "s-maxage"]) yield* server.send(`/own/${loud}`)
      expect(logged).toEqual([expect.stringMatching(/Cache-Control.*private, no-cache/)])
    })
  )
})

describe.each(Object.entries(mounts))("%s", (_, mount) => {
  it.effect("a response is for its client alone if its session was used, and only then", () =>
    Effect.gen(function* () {
      const reach = yield* mount({ ...basics, untouched: Effect.succeed("untouched") })
      const { cookie } = yield* reach("/login")
      const headersOf = (path: string, more: Record<string, string> = {}, method?: "POST") =>
        Effect.map(reach(path, { cookie: cookie!, ...more }, method), ({ headers, status }) => [
          status,
          headers["cache-control"],
          headers["vary"]
        ])
      expect(yield* headersOf("/read")).toEqual([200, "private, no-cache", "Cookie"])
      expect(yield* headersOf("/read", { cookie: "" })).toEqual([200, "private, no-cache", "Cookie"])
      expect(yield* headersOf("/count")).toEqual([200, "private, no-cache", "Cookie"])
      expect(yield* headersOf("/read", { origin: "https://evil.example" }, "POST")).toEqual([
        403,
        "private, no-cache",
        "Cookie"
      ])
      expect(yield* headersOf("/untouched")).toEqual([200, undefined, undefined])
      expect(yield* headersOf("/login")).toEqual([200, "no-store", "Cookie"])
    })
  )
})
