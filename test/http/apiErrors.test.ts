/**
 * What clients of an `HttpApi` are told if a session could not be read or saved: the error that it declares, which they can catch.
 */

import { SessionError } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Effect from "#effect/Effect"
import * as FetchHttpClient from "#effect/http/FetchHttpClient"
import * as HttpClient from "#effect/http/HttpClient"
import * as HttpClientRequest from "#effect/http/HttpClientRequest"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiClient from "#effect/http-api/HttpApiClient"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as Layer from "#effect/Layer"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"
import { get, serveApi, status } from "#test/api"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { AppSession, probe } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { apiOf, build, WithSession, WithSessionLive } from "../support/mounts.js"

class Refused extends Schema.TaggedError<Refused>()("Refused", {}, status(409)) {}

class Api extends HttpApi.make("api").add(
  HttpApiGroup.make("visits")
    .add(get("read", "/read", { success: Schema.Number }))
    .add(get("count", "/count", { success: Schema.Number }))
    .add(get("invalid", "/invalid", { success: Schema.Number }))
    .add(get("refused", "/refused", { success: Schema.Number, error: Refused }))
    .add(get("caught", "/caught", { success: Schema.Number }))
    .add(get("fails", "/fails", { success: Schema.Number }))
    .add(get("logout", "/logout", { success: Schema.Number }))
    .add(get("stranger", "/stranger", { success: Schema.Number }))
    .add(get("crowd", "/crowd", { success: Schema.Number }))
    .middleware(WithSession)
) {}

const count = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))
const read = Effect.flatMap(AppSession, (session) => session.get("visits"))

const Served = serveApi(
  Api,
  HttpApiBuilder.group(Api, "visits", (handlers) =>
    handlers
      .handle("read", () => read)
      .handle("count", () => count)
      .handle("invalid", () => Effect.flatMap(AppSession, (session) => Effect.as(session.set("visits", -1), 0)))
      .handle("refused", () => Effect.andThen(count, Effect.fail(new Refused())))
      .handle("caught", () => Effect.orElseSucceed(read, () => -1))
      .handle("fails", () => Effect.andThen(count, Effect.die(new Error("no"))))
      .handle("logout", () => Effect.flatMap(AppSession, (session) => Effect.as(session.destroy, 0)))
      .handle("stranger", () => Effect.fail(new SessionError({ reason: "SignInNeeded", message: "nobody" })))
      .handle("crowd", () => Effect.fail(new SessionError({ reason: "TooManySessions", message: "three" })))
  ).pipe(Layer.provide(WithSessionLive))
)

const unavailable = Effect.fail(new SessionError({ reason: "Unavailable", message: "probe: away" }))

const begin = (options = {}) =>
  Effect.gen(function* () {
    const { layer, logged } = collectLogs()
    const state = { reads: true, writes: true }
    const { provider } = probe((inner) => ({
      read: (id) => (state.reads ? inner.read(id) : unavailable),
      create: (...args) => (state.writes ? inner.create(...args) : unavailable),
      write: (...args) => (state.writes ? inner.write(...args) : unavailable),
      destroy: (...args) => (state.writes ? inner.destroy(...args) : unavailable)
    }))
    const server = yield* build(Served, provider, options).pipe(Effect.provide(layer))
    const { cookie } = yield* server.send("/count")
    const client = yield* HttpApiClient.make(Api, {
      baseUrl: server.url,
      transformClient: HttpClient.mapRequest(HttpClientRequest.setHeader("cookie", cookie!))
    }).pipe(Effect.provide(FetchHttpClient.layer))
    return { client: client.visits, logged, state, me: server.as(cookie) }
  })

/** What a client catches by the error's tag. */
const caught = <A, E>(call: Effect.Effect<A, E>) =>
  call.pipe(
    Effect.map((value) => `got ${value}`),
    Effect.catchIf(
      (error): error is E & SessionError => error instanceof SessionError && error._tag === "SessionError",
      ({ reason }) => Effect.succeed(`caught ${reason}`)
    ),
    Effect.result,
    Effect.map(Result.getOrElse((error) => `other ${error}`))
  )

describe("HttpApiClient", () => {
  it.effect("catches a read that failed, by its tag and with its reason", () =>
    Effect.gen(function* () {
      const { client, logged, state } = yield* begin()
      state.reads = false
      expect(yield* caught(client.read())).toBe("caught Unavailable")
      expect(logged).toEqual(["probe: away"])
    })
  )

  it.effect("catches a save that failed when the handler was done", () =>
    Effect.gen(function* () {
      const { client, logged, me, state } = yield* begin()
      state.writes = false
      expect(yield* caught(client.count())).toBe("caught Unavailable")
      expect(logged).toEqual(["probe: away"])
      const { body, headers, status } = yield* me("/count")
      expect([status, headers["content-type"], JSON.parse(body)]).toEqual([
        503,
        "application/json",
        { _tag: "SessionError", reason: "Unavailable" }
      ])
    })
  )

  it.effect("catches a value that its field does not take, as a 500", () =>
    Effect.gen(function* () {
      const { client, logged, me } = yield* begin()
      expect(yield* caught(client.invalid())).toBe("caught InvalidValue")
      expect(logged).toHaveLength(1)
      expect(logged[0]).toContain("visits")
      expect((yield* me("/invalid")).status).toBe(500)
    })
  )

  it.effect("catches what is its own matter: a sign-in that is needed, and sessions that are too many", () =>
    Effect.gen(function* () {
      const { client, logged } = yield* begin()
      expect(yield* caught(client.stranger())).toBe("caught SignInNeeded")
      expect(yield* caught(client.crowd())).toBe("caught TooManySessions")
      expect(logged).toEqual([])
    })
  )

  it.effect("catches a logout that the backend did not take, and the cookie is removed", () =>
    Effect.gen(function* () {
      const { client, me, state } = yield* begin({ whenNotSaved: "response" })
      state.writes = false
      expect(yield* caught(client.logout())).toBe("caught Unavailable")
      const out = yield* me("/logout")
      expect([out.status, out.setCookie[0]]).toEqual([503, expect.stringContaining("Max-Age=0")])
    })
  )
})

describe("the log", () => {
  it.effect("has nothing of an operation that did not run", () =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      const unused = Effect.flatMap(AppSession, ({ updateAndSave }) => {
        updateAndSave("visits", (n) => n + 1)
        return Effect.die(new Error("no"))
      })
      const sealing = yield* Cookie.make({ keys: [key()] })
      const server = yield* Effect.provide(build(serveApi(...apiOf({ unused })), sealing as never), layer)
      expect((yield* server.send("/unused")).status).toBe(500)
      expect(logged.filter((line) => line.includes("updateAndSave"))).toEqual([])
    })
  )

  it.effect("has nothing of an error that the handler has caught", () =>
    Effect.gen(function* () {
      const { client, logged, state } = yield* begin()
      state.reads = false
      expect(yield* caught(client.caught())).toBe("got -1")
      expect(logged).toEqual([])
    })
  )

  it.effect("has nothing of the session in an answer that is an error of the app's own", () =>
    Effect.gen(function* () {
      const { client, logged, me } = yield* begin()
      expect(yield* caught(client.refused())).toContain("Refused")
      expect((yield* me("/refused")).status).toBe(409)
      // Below 500: changes are kept.
      expect((yield* me("/read")).body).toBe("3")
      expect((yield* me("/fails")).status).toBe(500)
      expect((yield* me("/read")).body).toBe("3")
      expect(logged.filter((line) => /session|probe/.test(line))).toEqual([])
    })
  )
})
