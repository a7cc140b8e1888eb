/**
 * The demo's routes, as a program sees them, on each embedded backend.
 */
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionLayer, type SessionProvider } from "effect-session"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { afterAll, describe, expect, it } from "#test/vitest"
import { describe as describeAgent } from "../../example/agent.js"
import { watched } from "../../example/watching.js"
import { demoServer } from "../support/demo.js"
import { client } from "../support/http.js"

const directory = mkdtempSync(join(tmpdir(), "effect-session-demo-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const backends: Record<string, Record<string, string>> = {
  memory: {},
  file: { SESSION_PROVIDER: "file", SESSION_URL: directory },
  sqlite: { SESSION_PROVIDER: "sqlite", SESSION_URL: join(directory, "sessions.db") }
}

type Provider = SessionProvider.Provider

/** The stream of a page, which is closed at the test's end. */
const panelOf = (url: string, cookie = "") =>
  Effect.gen(function* () {
    const abort = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (abort) => Effect.sync(() => abort.abort())
    )
    const response = yield* Effect.promise(() => fetch(`${url}/events`, { headers: { cookie }, signal: abort.signal }))
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    /** Reads on until it matches, or else to the end; returns all that was told. */
    const told = (expected?: RegExp) =>
      Effect.promise(async () => {
        while (expected === undefined || !expected.test(text)) {
          const { done, value } = await reader.read()
          if (done && expected !== undefined) throw new Error(`ended without ${expected}: ${text}`)
          if (done) return text
          text += value
        }
        return text
      })
    return { leave: Effect.sync(() => abort.abort()), told }
  })

/** The requests that a stream told of, with their calls of the backend. */
const requestsIn = (text: string) =>
  [...text.matchAll(/^event: request\ndata: (.*)$/gm)].map(([, data]) => {
    const { calls, method, path } = JSON.parse(data!)
    return [`${method} ${path}`, ...calls.map(({ operation }: { readonly operation: string }) => operation)]
  })

const nameIn = (hello: string) => /"session":"([\w-]+)"/.exec(hello)?.[1]

const demoWith = (variables: Record<string, string>, wrap: (provider: Provider) => Provider = watched) =>
  Effect.gen(function* () {
    const environment = ConfigProvider.fromEnvRecord({ SESSION_COOKIE_SECURE: "false", ...variables })
    const sessions = Layer.provide(SessionLayer.fromConfig({ wrap }), ConfigProvider.layer(environment))
    const server = yield* Layer.build(Layer.provideMerge(demoServer, Layer.merge(NodeHttpServer.layerTest, sessions)))
    const { as, url } = yield* client(server)
    const post = (path: string, form: Record<string, string>, cookie = "") =>
      Effect.promise(async () => {
        const response = await fetch(url + path, {
          method: "POST",
          redirect: "manual",
          headers: { cookie },
          body: new URLSearchParams(form)
        })
        return {
          status: response.status,
          to: response.headers.get("location"),
          cookie: response.headers.getSetCookie()[0]?.split(";")[0]
        }
      })
    const panel = (cookie?: string) => panelOf(url, cookie)
    return { as, get: as(undefined), panel, post }
  })

for (const [name, variables] of Object.entries(backends)) {
  const demo = demoWith(variables)

  describe(`the demo on ${name}`, () => {
    it.live("signs in, knows who it is, and signs out", () =>
      Effect.gen(function* () {
        const { as, get, post } = yield* demo
        expect((yield* get("/")).setCookie).toEqual([])
        expect((yield* get("/me")).status).toBe(401)
        const login = yield* post("/login", { name: "Ada" })
        expect([login.status, login.to]).toEqual([303, "/"])
        const me = as(login.cookie)
        expect(JSON.parse((yield* me("/me")).body)).toEqual({ name: "Ada" })
        const again = yield* post("/login", { name: "Bob" }, login.cookie)
        expect(again.cookie).not.toBe(login.cookie)
        expect((yield* me("/me")).status).toBe(401)
        expect((yield* post("/logout", {}, again.cookie)).status).toBe(303)
        expect((yield* as(again.cookie)("/me")).status).toBe(401)
        expect((yield* post("/login", { name: " " })).status).toBe(400)
      })
    )

    it.live("counts 200 visits at once to exactly 200", () =>
      Effect.gen(function* () {
        const { as, get } = yield* demo
        const { body, cookie } = yield* get("/visits", { method: "POST" })
        expect(JSON.parse(body)).toEqual({ visits: 1 })
        yield* Effect.all(
          Array.from({ length: 199 }, () => as(cookie)("/visits", { method: "POST" })),
          { concurrency: "unbounded" }
        )
        expect(JSON.parse((yield* as(cookie)("/visits", { method: "POST" })).body)).toEqual({ visits: 201 })
      })
    )

    it.live("keeps a cart, and nothing of a crash; streams; counts who is there", () =>
      Effect.gen(function* () {
        const { as, post } = yield* demo
        const { cookie } = yield* post("/cart", { item: "tea" })
        yield* post("/cart", { item: "<b>" }, cookie)
        const me = as(cookie)
        expect(JSON.parse((yield* me("/cart")).body)).toEqual({ cart: ["tea", "<b>"] })
        const crash = yield* post("/crash", {}, cookie)
        expect([crash.status, crash.cookie]).toEqual([500, undefined])
        const page = (yield* me("/")).body
        expect(page).toContain("&#60;b&#62;")
        expect(page).not.toContain("never seen")
        expect((yield* me("/stream")).body).toBe("1: 0 visits\n2: 0 visits\n3: 0 visits\n")
        expect(JSON.parse((yield* me("/active")).body).active).toBeGreaterThanOrEqual(1)
      })
    )

    it.live("tells a visitor's page what was done for that visitor, and for nobody else", () =>
      Effect.gen(function* () {
        const { as, get, panel, post } = yield* demo
        const [stranger, ada, bob] = [
          yield* panel(),
          (yield* get("/visits", { method: "POST" })).cookie!,
          (yield* get("/visits", { method: "POST" })).cookie!
        ]
        const [ofAda, ofBob] = [yield* panel(ada), yield* panel(bob)]
        const [helloAda, helloBob] = [yield* ofAda.told(/Created/), yield* ofBob.told(/Created/)]
        expect(yield* stranger.told(/hello/)).not.toContain("session")
        yield* as(ada)("/visits", { method: "POST" })
        yield* post("/cart", { item: "a secret" }, ada)
        const toldAda = yield* ofAda.told(/"Saved","times":2/)
        expect(requestsIn(toldAda)).toEqual([
          ["POST /visits", "create"],
          ["POST /visits", "read", "write"],
          ["POST /cart", "read", "write"]
        ])
        yield* as(bob)("/")
        const toldBob = yield* ofBob.told(/GET/)
        expect(requestsIn(toldBob)).toEqual([
          ["POST /visits", "create"],
          ["GET /", "read"]
        ])
        expect(toldBob).not.toContain("Saved")
        expect(nameIn(helloAda)).not.toBe(nameIn(helloBob))
        for (const [mine, cookie] of [
          [toldAda, ada],
          [toldBob, bob]
        ] as const) {
          for (const secret of ["a secret", cookie.split("=")[1]!]) expect(mine).not.toContain(secret)
        }
        yield* post("/logout", {}, ada)
        yield* ofAda.told()
        yield* as(bob)("/visits", { method: "POST" })
        expect(yield* ofBob.told(/Saved/)).not.toContain("/logout")
      }).pipe(Effect.scoped)
    )

    it.live("a sign-in ends the streams of the id before it, and the next one goes on with what was told", () =>
      Effect.gen(function* () {
        const { get, panel, post } = yield* demo
        const { cookie: planted } = yield* get("/visits", { method: "POST" })
        const before = yield* panel(planted)
        yield* before.told(/Created/)
        const { cookie } = yield* post("/login", { name: "Grace" }, planted)
        yield* post("/cart", { item: "tea" }, cookie)
        expect(requestsIn(yield* before.told())).not.toContainEqual(["POST /cart", "read", "write"])
        expect(yield* (yield* panel(planted)).told(/hello.*\n.*\n/)).not.toContain("session")
        const after = yield* (yield* panel(cookie)).told(/Saved/)
        for (const kind of ["Created", "Regenerated"]) expect(after).toContain(`"${kind}","times":1`)
        expect(requestsIn(after).map(([request]) => request)).toEqual(["POST /visits", "POST /login", "POST /cart"])
      }).pipe(Effect.scoped)
    )

    it.live("lists a person's devices, and ends them for that person alone", () =>
      Effect.gen(function* () {
        const { as, get, post } = yield* demo
        expect((yield* get("/devices")).status).toBe(401)
        expect((yield* post("/devices/end", { ref: "any" })).status).toBe(401)
        expect((yield* post("/devices/end-others", {})).status).toBe(401)
        const [one, two, three, bob] = yield* Effect.forEach(["Ada", "Ada", "Ada", "Bob"], (name) =>
          Effect.map(post("/login", { name }), ({ cookie }) => cookie!)
        )
        const status = (cookie: string) => Effect.map(as(cookie)("/me"), ({ status }) => status)
        const devices = (cookie: string) =>
          Effect.map(as(cookie)("/devices"), ({ body }) => body.split("<li>").slice(1))
        const refOf = (row: string) => /name="ref" value="([^"]+)"/.exec(row)![1]!
        const listed = yield* devices(two!)
        expect(listed.map((row) => row.includes("This device"))).toEqual([false, true, false])
        const back = { status: 303, to: "/devices" }
        expect(yield* post("/devices/end", { ref: refOf(listed[0]!) }, bob)).toMatchObject(back)
        expect(yield* status(one!)).toBe(200)
        expect(yield* post("/devices/end", { ref: refOf(listed[0]!) }, two)).toMatchObject(back)
        expect(yield* Effect.forEach([one!, two!, three!], status)).toEqual([401, 200, 200])
        expect((yield* devices(three!)).map(refOf)).toEqual(listed.slice(1).map(refOf))
        expect(yield* post("/devices/end-others", {}, two)).toMatchObject(back)
        expect(yield* Effect.forEach([one!, two!, three!, bob!], status)).toEqual([401, 200, 401, 200])
      })
    )
  })
}

it.live("pages that ask again and again for their stream do not keep a session", () =>
  Effect.gen(function* () {
    const { get, panel } = yield* demoWith({ SESSION_IDLE_TIMEOUT: "1 second" })
    const { cookie } = yield* get("/visits", { method: "POST" })
    const open = yield* panel(cookie)
    expect(nameIn(yield* open.told(/Created/))).toBeDefined()
    const hello = Effect.scoped(Effect.flatMap(panel(cookie), ({ told }) => told(/hello.*\n.*\n/)))
    while (nameIn(yield* hello) !== undefined) yield* Effect.sleep("50 millis")
    // The end of a session that nobody uses is the end of its streams.
    yield* open.told()
  }).pipe(Effect.scoped)
)

it.live("the server lets go of a page that leaves", () =>
  Effect.gen(function* () {
    const [followed, left] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const changed = () =>
      Effect.onExit(Effect.andThen(Deferred.succeed(followed, undefined), Effect.never), () =>
        Deferred.succeed(left, undefined)
      )
    const { get, panel } = yield* demoWith({}, (provider) => ({ ...provider, changed }))
    const { cookie } = yield* get("/visits", { method: "POST" })
    const page = yield* panel(cookie)
    yield* Deferred.await(followed)
    yield* page.leave
    yield* Deferred.await(left)
  }).pipe(Effect.scoped)
)

it.live("with sealed cookies, the calls are those of the provider of revocations", () =>
  Effect.gen(function* () {
    const key = randomBytes(32).toString("base64")
    const told = (variables: Record<string, string>) =>
      Effect.gen(function* () {
        const { as, get, panel } = yield* demoWith({ SESSION_PROVIDER: "cookie", SESSION_KEYS: key, ...variables })
        const { cookie } = yield* get("/visits", { method: "POST" })
        const page = yield* panel(cookie)
        yield* as(cookie)("/")
        return requestsIn(yield* page.told(/GET/)).at(-1)
      }).pipe(Effect.scoped)
    expect(yield* told({})).toEqual(["GET /"])
    expect(yield* told({ SESSION_REVOCATIONS: "memory" })).toEqual(["GET /", expect.stringMatching(/^[a-z.]+$/)])
  })
)

it.live("the demo says that sealed cookies cannot be listed", () =>
  Effect.gen(function* () {
    const key = randomBytes(32).toString("base64")
    const { as, post } = yield* demoWith({ SESSION_PROVIDER: "cookie", SESSION_KEYS: key })
    const { cookie } = yield* post("/login", { name: "Ada" })
    expect((yield* as(cookie)("/me")).status).toBe(200)
    const { body, status } = yield* as(cookie)("/devices")
    expect(status).toBe(501)
    expect(body).toContain("nobody can list them")
  })
)

it("the demo names browsers in words", () => {
  const linux = "Mozilla/5.0 (X11; Linux x86_64)"
  const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)"
  expect(describeAgent(`${linux} ${webkit} HeadlessChrome/143.0.0.0 Safari/537.36`)).toBe("Chromium on Linux")
  expect(describeAgent(`${linux} ${webkit} Chrome/143.0.0.0 Safari/537.36`)).toBe("Chrome on Linux")
  expect(describeAgent(`Mozilla/5.0 (Windows NT 10.0) ${webkit} Chrome/143.0 Safari/537.36 Edg/143.0`)).toBe(
    "Edge on Windows"
  )
  expect(describeAgent("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0")).toBe(
    "Firefox on macOS"
  )
  expect(
    describeAgent(`Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) ${webkit} Version/18.1 Safari/604.1`)
  ).toBe("Safari on iOS")
  expect(describeAgent(undefined)).toBe("An unknown browser")
})
