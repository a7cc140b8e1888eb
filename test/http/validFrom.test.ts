/**
 * `validFrom`: sessions that began before a date are over, wherever they are kept.
 */
import {
  SessionCodec,
  type SessionConfig,
  type SessionError,
  SessionLayer,
  SessionManager,
  SessionProvider,
  SessionStore
} from "effect-session"
import * as Beego from "effect-session/beego"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import * as DateTime from "#effect/DateTime"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { AppSession, probe, type Server, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { basics, routerOf } from "../support/mounts.js"

const app = routerOf(basics)

const before = "2030-01-31T11:59:00Z"
const validFrom = "2030-01-31T12:00:00Z"
const after = "2030-01-31T12:01:00Z"

const at = (time: string) => TestClock.setTime(Date.parse(time))

const cookieOf = (server: Server, path: string, cookie?: string) =>
  Effect.map(server.as(cookie)(path), ({ cookie }) => cookie!)

/** How sessions can be kept, each by a provider or seals that two servers share. */
const kept: Readonly<Record<string, Effect.Effect<readonly [SessionConfig.Options, any], SessionError>>> = {
  "by a server": Effect.sync(() => [{}, probe().provider]),
  "by a server in this process": Effect.sync(() => [{}, Memory.make()]),
  "by a server that moves them to hashes": Effect.sync(() => [
    { id: { hashed: "migrating", bytes: 20 } },
    probe().provider
  ]),
  "by clients": Effect.suspend(() => Effect.map(Cookie.make({ keys: [key()] }), (sealing) => [{}, sealing])),
  "by clients, with revocations": Effect.suspend(() =>
    Effect.map(Cookie.make({ keys: [key()], revocations: Memory.make() }), (sealing) => [{}, sealing])
  )
}

describe.each(Object.keys(kept))("a session kept %s", (how) => {
  it.effect("is over if it began before, and stays if it began since", () =>
    Effect.gen(function* () {
      const [options, backend] = yield* kept[how]!
      yield* at(before)
      const open = yield* serve(app, options, backend)
      const old = yield* cookieOf(open, "/count")
      const renewed = yield* cookieOf(open, "/count")
      yield* at(validFrom)
      const first = yield* cookieOf(open, "/count")
      const signedIn = yield* cookieOf(open, "/login", renewed)
      yield* at(after)
      const cut = yield* serve(app, { ...options, validFrom }, backend)
      expect((yield* open.as(old)("/read")).body).toBe("1")
      expect((yield* cut.as(old)("/read")).body).toBe("0")
      expect((yield* cut.as(first)("/read")).body).toBe("1")
      // A change of id is a beginning.
      expect((yield* cut.as(signedIn)("/read")).body).toBe("1")
      // What the visitor does next begins a session under an id of its own.
      const counted = yield* cut.as(old)("/count")
      expect([counted.status, counted.body]).toEqual([200, "1"])
      expect(counted.cookie).not.toBe(old)
      expect((yield* cut.as(counted.cookie)("/read")).body).toBe("1")
    })
  )

  it.effect("is over although it was used since", () =>
    Effect.gen(function* () {
      const [options, backend] = yield* kept[how]!
      yield* at(before)
      const open = yield* serve(app, options, backend)
      const old = yield* cookieOf(open, "/count")
      yield* at(after)
      const used = (yield* open.as(old)("/count")).cookie ?? old
      expect((yield* open.as(used)("/read")).body).toBe("2")
      const cut = yield* serve(app, { ...options, validFrom }, backend)
      expect((yield* cut.as(used)("/read")).body).toBe("0")
    })
  )
})

it.effect("a session of two cookies is the one that is not over", () =>
  Effect.gen(function* () {
    const { provider } = probe()
    yield* at(before)
    const open = yield* serve(app, {}, provider)
    const old = yield* cookieOf(open, "/count")
    yield* at(after)
    const young = yield* cookieOf(open, "/count")
    yield* open.as(young)("/count")
    const cut = yield* serve(app, { validFrom }, provider)
    for (const cookies of [`${old}; ${young}`, `${young}; ${old}`]) {
      expect((yield* cut.as(cookies)("/read")).body).toBe("2")
    }
  })
)

it.effect("a session is not opened outside of a request either", () =>
  Effect.gen(function* () {
    const { provider } = probe()
    yield* at(before)
    const open = yield* serve(app, {}, provider)
    const { body } = yield* open.send("/login")
    yield* at(after)
    const opened = (options: SessionConfig.Options) =>
      Effect.match(SessionManager.open(AppSession, SessionStore.sessionId(body)), {
        onFailure: ({ reason }) => reason,
        onSuccess: () => "opened"
      }).pipe(
        Effect.provide(
          Layer.provide(
            SessionManager.layer({ gcInterval: "3650 days", ...options }),
            Layer.succeed(SessionProvider.SessionProvider, provider)
          )
        )
      )
    expect(yield* opened({})).toBe("opened")
    expect(yield* opened({ validFrom })).toBe("NotFound")
  })
)

describe("a format that cannot tell when a session began", () => {
  const result = <E>(layer: Layer.Layer<SessionManager.SessionManager, E>) =>
    Effect.match(Effect.scoped(Layer.build(layer)), {
      onFailure: (error) => (error as SessionError).message,
      onSuccess: () => "built"
    })

  const message = /^validFrom: .*does not say when a session began or got its id$/

  it.effect("is refused with validFrom or id.renewEvery when the manager is built: beego's", () =>
    Effect.gen(function* () {
      const config = { cookieName: "gosessionid", enableSetCookie: true, gclifetime: 3600 }
      expect(yield* result(Beego.layer("memory", config, { validFrom }))).toMatch(message)
      expect(yield* result(Beego.layer("memory", config, { id: { renewEvery: "1 hour" } }))).toMatch(
        /^id\.renewEvery: .*does not say when a session began or got its id$/
      )
      expect(yield* result(Beego.layer("memory", config))).toBe("built")
    })
  )

  it.effect("or an app's own, on a server or sealed", () =>
    Effect.gen(function* () {
      const forgetful: SessionCodec.SessionCodec = { ...SessionCodec.json, keepsNotes: false }
      const backends = [Memory.layer(), Cookie.layer({ keys: [key()] })]
      for (const backend of backends) {
        expect(yield* result(SessionLayer.make(backend, { validFrom }, forgetful))).toMatch(message)
        expect(yield* result(SessionLayer.make(backend, {}, forgetful))).toBe("built")
        expect(yield* result(SessionLayer.make(backend, { validFrom }))).toBe("built")
      }
    })
  )
})

it.effect("a validFrom in the future is told, for until then every session is over with its first response", () =>
  Effect.gen(function* () {
    const warnings = (validFrom: SessionConfig.Options["validFrom"]) => {
      const { layer, logged } = collectLogs()
      return Effect.as(
        Effect.scoped(Layer.build(Layer.provide(SessionLayer.memory({ validFrom, gcInterval: "3650 days" }), layer))),
        logged
      )
    }
    yield* at(validFrom)
    expect(yield* warnings(validFrom)).toEqual([])
    expect(yield* warnings(undefined)).toEqual([])
    expect(yield* warnings(DateTime.makeUnsafe(after))).toEqual([
      expect.stringMatching(/^validFrom \(2030-01-31T12:01:00\.000Z\) is in the future: /)
    ])
  })
)
