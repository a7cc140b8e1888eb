/**
 * `signIn` of `effect-session/testing`: its headers bring the session, however the id travels.
 */
import { type SessionConfig, SessionHttp, SessionManager } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import { signIn } from "effect-session/testing"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { AppSession, managerLayer, serve } from "../support/http.js"

const named = Effect.map((user: Option.Option<string>) =>
  HttpServerResponse.text(Option.getOrElse(user, () => "nobody"))
)

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/me",
    Effect.flatMap(AppSession, (session) => named(session.get("userId")))
  ),
  HttpRouter.get(
    "/principal",
    Effect.flatMap(AppSession, (session) => named(session.principal))
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const ways: Readonly<Record<string, readonly [options: SessionConfig.Options, names: ReadonlyArray<string>]>> = {
  "a cookie": [{}, ["cookie"]],
  "a cookie that another app sends": [{ cookie: { name: "id", sent: false } }, ["cookie"]],
  "a header": [{ cookie: false, header: "X-Session" }, ["X-Session"]],
  "a header or the query": [{ cookie: false, header: "X-Session", query: "sid" }, ["X-Session"]],
  "a cookie or the query": [{ query: "sid" }, ["cookie"]]
}

describe("signIn", () => {
  describe.each(Object.entries(ways))("where the id travels in %s", (_, [options, names]) => {
    it.effect("has headers that bring the session", () =>
      Effect.gen(function* () {
        const provider = Memory.make()
        const headers = yield* signIn(AppSession, (session) => session.set("userId", "ada")).pipe(
          Effect.provide(managerLayer(options, provider))
        )
        expect(Object.keys(headers)).toEqual(names)
        const { send } = yield* serve(app, options, provider)
        expect((yield* send("/me", { headers })).body).toBe("ada")
        expect((yield* send("/me")).body).toBe("nobody")
      })
    )
  })

  it.effect("has headers of somebody who signed in, and is listed", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const [headers, listed] = yield* Effect.zip(
        signIn(AppSession, (session) => session.signIn("ada")),
        SessionManager.sessionsOf("ada")
      ).pipe(Effect.provide(managerLayer({}, provider)))
      expect(listed).toHaveLength(1)
      const { send } = yield* serve(app, {}, provider)
      expect((yield* send("/principal", { headers })).body).toBe("ada")
    })
  )

  it.effect("has all cookies of a session that is spread over several", () =>
    Effect.gen(function* () {
      const sealing = yield* Cookie.make({ keys: [key()] })
      const headers = yield* signIn(AppSession, (session) => session.set("userId", "a".repeat(5_000))).pipe(
        Effect.provide(managerLayer({}, sealing))
      )
      expect(headers["cookie"]!.split("; ").map((pair) => pair.split("=")[0])).toEqual(["__Host-id", "__Host-id.1"])
      const { send } = yield* serve(app, {}, sealing)
      expect((yield* send("/me", { headers })).body).toBe("a".repeat(5_000))
    })
  )

  it.effect("fails where the id travels in the query alone, for no header brings it", () =>
    Effect.gen(function* () {
      const signedIn = signIn(AppSession, (session) => session.set("userId", "ada"))
      const layer = managerLayer({ cookie: false, query: "sid" })
      expect((yield* Effect.flip(Effect.provide(signedIn, layer))).reason).toBe("Unsupported")
    })
  )

  it.effect("fails where nothing was stored", () =>
    Effect.gen(function* () {
      const signedIn = signIn(AppSession, (session) => session.get("userId"))
      expect((yield* Effect.flip(Effect.provide(signedIn, managerLayer()))).reason).toBe("NotFound")
    })
  )
})
