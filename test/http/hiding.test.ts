/**
 * No session id and no value in logs, spans, JSON, inspections and responses.
 */

import { inspect } from "node:util"
import { type SessionConfig, SessionHttp, SessionManager, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Inspectable from "#effect/Inspectable"
import * as HttpRouter from "#test/HttpRouter"
import { showsQueries } from "#test/trace"
import { describe, expect, it } from "#test/vitest"
import { AppSession, probe, serve } from "../support/http.js"
import { bytesOf, exchange } from "../support/raw.js"
import { watch } from "../support/watch.js"

const value = "VALUE-hunter2"

const idOf = (cookie: string | undefined) => cookie!.split("=")[1]!

describe("a session that is shown", () => {
  it.effect("has its store's name, and neither its id nor what is in it", () =>
    Effect.gen(function* () {
      const shown: Record<string, string> = {}
      const app = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/set",
          Effect.flatMap(AppSession, (session) => Effect.as(session.set("userId", value), HttpServerResponse.empty()))
        ),
        HttpRouter.get(
          "/look",
          Effect.gen(function* () {
            const session = yield* AppSession
            yield* session.get("userId")
            yield* session.set("visits", 4_711_4711)
            const request = yield* HttpServerRequest.HttpServerRequest
            const source = request.source as Record<symbol, unknown>
            const live = source[Object.getOwnPropertySymbols(source).find((key) => key.toString().includes("session"))!]
            const manager = yield* SessionManager.SessionManager
            for (const [name, thing] of Object.entries({ session, live, manager, id: yield* session.id })) {
              expect(thing, name).toBeDefined()
              shown[`inspect ${name}`] = inspect(thing, { depth: 12, showHidden: true, getters: false })
              shown[`inspect { ${name} }`] = inspect({ user: 1, thing })
              shown[`JSON ${name}`] = JSON.stringify({ thing }) ?? ""
              shown[`String ${name}`] = String(thing)
              shown[`Inspectable ${name}`] = Inspectable.toStringUnknown(thing)
              shown[`Cause ${name}`] = Cause.pretty(Cause.die(thing)) + inspect(Cause.fail(thing), { depth: 9 })
              yield* Effect.log("seen", thing)
              yield* Effect.log("seen").pipe(Effect.annotateLogs({ thing }))
            }
            // The cookie is in the request itself, what is in the session is not.
            expect(inspect(request, { depth: 12, showHidden: true })).not.toContain(value)
            expect(inspect(source, { depth: 12, showHidden: true })).not.toContain(value)
            return HttpServerResponse.empty()
          })
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { layer, seen } = watch()
      const { as, send } = yield* serve(app, {}, probe().provider).pipe(Effect.provide(layer))
      const { cookie } = yield* send("/set")
      expect((yield* as(cookie)("/look")).status).toBe(204)
      const hash = yield* Effect.promise(async () =>
        Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(idOf(cookie)))).toString("base64url")
      )
      const texts: Record<string, string> = { ...shown, log: seen.join("\n") }
      for (const [how, text] of Object.entries(texts)) {
        for (const secret of [idOf(cookie), hash, value, "47114711"]) {
          expect(text.includes(secret), `${how} shows ${secret}`).toBe(false)
        }
      }
      expect(texts["inspect session"]).toContain("AppSession")
      expect(texts["JSON session"]).toContain("AppSession")
    })
  )
})

describe("HTTP spans", () => {
  const app = HttpRouter.empty.pipe(
    HttpRouter.get(
      "/login",
      Effect.flatMap(AppSession, (session) =>
        Effect.as(Effect.andThen(session.regenerate, session.set("userId", value)), HttpServerResponse.empty())
      )
    ),
    HttpRouter.get(
      "/login-refused",
      Effect.flatMap(AppSession, (session) =>
        Effect.andThen(session.regenerate, session.set("userId", value)).pipe(
          Effect.andThen(Effect.fail(HttpServerResponse.empty({ status: 401 })))
        )
      )
    ),
    HttpRouter.get(
      "/login-fails",
      Effect.flatMap(AppSession, (session) =>
        Effect.all([session.regenerate, session.set("userId", value), session.save, Effect.die(new Error("no"))], {
          discard: true
        }).pipe(Effect.as(HttpServerResponse.empty()))
      )
    ),
    HttpRouter.use(SessionHttp.middleware(AppSession))
  )

  it.effect.each([
    ["a cookie", {}],
    ["a header", { cookie: false, header: "X-Session-Id" }]
  ] as ReadonlyArray<readonly [string, SessionConfig.Options]>)("have no id that travels in %s", ([, options]) =>
    Effect.gen(function* () {
      const { layer, seen } = watch()
      const { send } = yield* serve(app, options, probe().provider).pipe(Effect.provide(layer))
      const ids: Array<string> = []
      for (const path of ["/login", "/login", "/login-refused", "/login-fails"]) {
        const id = ids.at(-1)
        const answer = yield* send(path, {
          headers: id === undefined ? {} : options.header ? { "x-session-id": id } : { cookie: `__Host-id=${id}` }
        })
        ids.push(answer.headers["x-session-id"] ?? idOf(answer.cookie))
      }
      const text = seen.join("\n")
      expect(text).toContain("http.response.header")
      for (const secret of [...ids, value]) {
        expect(text.includes(secret)).toBe(false)
      }
    })
  )

  it.effect("have no id that travels in the query, where the platform can hide one", () =>
    Effect.gen(function* () {
      const { layer, seen } = watch()
      const { send, url } = yield* serve(app, { query: "sid" }, probe().provider).pipe(Effect.provide(layer))
      const id = idOf((yield* send("/login")).cookie)
      // The client of `send` has spans of its own.
      yield* exchange(url, bytesOf("GET", `/login?sid=${id}&page=2`, { connection: "close" }))
      const text = seen.join("\n")
      expect(text).toContain("page=2")
      expect(text.includes(id)).toBe(showsQueries)
    })
  )
})

describe("a provider that dies, with all it knows in the message", () => {
  const app = HttpRouter.empty.pipe(
    HttpRouter.get(
      "/read",
      Effect.flatMap(AppSession, (session) => Effect.as(session.get("userId"), HttpServerResponse.empty()))
    ),
    HttpRouter.get(
      "/write",
      Effect.flatMap(AppSession, (session) => Effect.as(session.set("userId", value), HttpServerResponse.empty()))
    ),
    HttpRouter.get(
      "/save",
      Effect.flatMap(AppSession, (session) =>
        Effect.as(Effect.andThen(session.set("userId", value), session.save), HttpServerResponse.empty())
      )
    ),
    HttpRouter.get(
      "/out",
      Effect.flatMap(AppSession, (session) => Effect.as(session.destroy, HttpServerResponse.empty()))
    ),
    HttpRouter.use(SessionHttp.middleware(AppSession))
  )
  const dying = (inProcess: boolean) => {
    class OwnError extends Error {
      override readonly name = "OwnError"
      constructor(readonly all: unknown) {
        super(`told: ${JSON.stringify(all)} ${value}`)
      }
    }
    const die = (...all: ReadonlyArray<unknown>) => Effect.die(new OwnError(all))
    const raise = (...all: ReadonlyArray<unknown>): never => {
      throw new OwnError(all)
    }
    const memory = Memory.make()
    const capabilities = { ...SessionProvider.defaultCapabilities, durable: false, inProcess }
    const dead: SessionProvider.Provider = {
      name: "own",
      capabilities,
      read: die,
      create: (...all) => Effect.sync(() => raise(...all)),
      write: die,
      touch: die,
      exists: die,
      destroy: (...all) => Effect.die(`plain ${JSON.stringify(all)}`),
      regenerate: die
    }
    // It lives until the layer is built, which a dead one would prevent.
    let isDead = false
    const current = () => (isDead ? dead : memory)
    const provider: SessionProvider.Provider = {
      name: "own",
      capabilities,
      read: (id) => current().read(id),
      create: (...all) => current().create(...all),
      write: (...all) => current().write(...all),
      touch: (...all) => current().touch(...all),
      exists: (id) => current().exists(id),
      destroy: (...all) => current().destroy(...all),
      regenerate: (move) => current().regenerate(move)
    }
    return {
      provider,
      kill: () => {
        isDead = true
      }
    }
  }

  it.effect.each([true, false])("is seen in the log, without an id or a value (in process: %s)", (inProcess) =>
    Effect.gen(function* () {
      const { layer, seen } = watch()
      const { kill, provider } = dying(inProcess)
      const { as, send } = yield* serve(app, {}, provider).pipe(Effect.provide(layer))
      kill()
      const id = "A".repeat(43)
      const hash = Buffer.from(yield* Effect.promise(() => crypto.subtle.digest("SHA-256", Buffer.from(id)))).toString(
        "base64url"
      )
      let answers = ""
      for (const path of ["/read", "/write", "/save", "/out"]) {
        for (const by of [as(`__Host-id=${id}`), send]) {
          const { body, headers, status } = yield* by(path)
          answers += `${body}${JSON.stringify(headers)}`
          expect(status).toBe(path === "/read" && by === send ? 204 : path === "/out" && by === send ? 204 : 500)
        }
      }
      for (const secret of [id, hash, value, "told:", "plain"]) {
        expect(seen.filter((line) => line.includes(secret)).slice(0, 1)).toEqual([])
        expect(answers.includes(secret)).toBe(false)
      }
      expect(seen.join("\n")).toContain("OwnError")
    })
  )
})
