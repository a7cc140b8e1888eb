/**
 * Processes whose clocks differ: whoever goes on using a session stays signed in.
 */
import { type SessionConfig, type SessionError, SessionHttp, type SessionProvider } from "effect-session"
import * as Ledis from "effect-session/ledis"
import * as Redis from "effect-session/redis"
import * as Ssdb from "effect-session/ssdb"
import { signIn } from "effect-session/testing"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import { processAhead } from "#test/clock"
import { describe, expect, it } from "#test/vitest"
import { shared } from "../provider/shared.js"
import * as LedisServer from "../servers/Ledis.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import * as SsdbServer from "../servers/Ssdb.js"
import { AppSession, managerLayer, probe } from "../support/http.js"

const meAfter = (pause: Duration.Input) =>
  SessionHttp.middleware(AppSession)(
    Effect.flatMap(AppSession, (session) =>
      session.get("userId").pipe(
        Effect.map((user) => HttpServerResponse.text(Option.getOrElse(user, () => "anonymous"))),
        Effect.tap(Effect.sleep(pause))
      )
    )
  )

const me = meAfter(0)

/** Two processes on one provider, with clocks and options of their own. */
const processes = (
  provider: SessionProvider.Provider,
  each: ReadonlyArray<{ readonly ahead: Duration.Input; readonly options: SessionConfig.Options }>
) =>
  Effect.forEach(each, ({ ahead: by, options }) =>
    processAhead(managerLayer({ ...options, cookie: { secure: false } }, provider), by)
  )

type Process = Effect.Success<ReturnType<typeof processes>>[number]

/** The headers of someone who signed in at a process. */
const signedIn = (process: Process) =>
  Effect.provide(
    signIn(AppSession, (session) => session.set("userId", "ada")),
    process.services
  )

/** A visitor of a process, who is told who is signed in. */
const visitor = (process: Process, headers: HeadersInit, handler = me) => {
  const answer = process.handler(handler)
  return Effect.promise(async () => (await answer(new Request("http://localhost/", { headers }))).text())
}

describe("renewals by two processes", () => {
  it.live.each([
    ["whose clocks agree", {}, 0],
    ["of which one's clock is four minutes ahead", {}, "4 minutes"],
    [
      "of which one's clock is 15 seconds ahead, and that renew each 10 seconds",
      { touchEvery: "10 seconds" },
      "15 seconds"
    ]
  ] as const)("%s, take no write for each request", ([, options, by]) =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const runtimes = yield* processes(provider, [
        { ahead: 0, options },
        { ahead: by, options }
      ])
      const headers = yield* signedIn(runtimes[0]!)
      for (let request = 0; request < 40; request++) {
        expect(yield* visitor(runtimes[request % 2]!, headers)).toBe("ada")
      }
      expect(calls.filter((call) => call === "touch").length).toBeLessThanOrEqual(1)
    })
  )
})

/** How a backend's own clock differs from the apps': all of them are ahead of it, or behind. */
const ignoresItsClock = (provider: Effect.Effect<SessionProvider.Provider, SessionError, Scope.Scope>) => {
  for (const [what, by] of [
    ["ahead of", 7_200_000],
    ["behind", -7_200_000]
  ] as const) {
    it.live(
      `the app's clock two hours ${what} the server's`,
      () =>
        Effect.gen(function* () {
          const made = yield* provider
          const { calls, provider: probed } = probe(() => made)
          const options = { idleTimeout: "6 seconds", touchEvery: "2 seconds" } as const
          const [app] = yield* processes(probed, [{ ahead: by, options }])
          const headers = yield* signedIn(app!)
          for (let at = 0; at < 7_500; at += 500) {
            yield* Effect.sleep(500)
            expect(yield* visitor(app!, headers)).toBe("ada")
          }
          const renewals = calls.filter((call) => call === "touch").length
          expect(renewals).toBeGreaterThan(0)
          expect(renewals).toBeLessThan(7)
        }).pipe(Effect.scoped),
      60_000
    )
  }
}

/** They wait for seconds of real time: all of them at once. */
describe.concurrent("a server's real time", () => {
  suite("Redis, and two processes", ["redis-server"], () => {
    const server = shared(Servers.single())

    for (const [what, options, byWriter, byReader] of [
      ["the writer's clock two hours ahead", {}, "2 hours", 0],
      ["the reader's clock two hours ahead", {}, 0, "2 hours"],
      [
        "the writer's clock a little ahead, and renewals that wait for long",
        { touchEvery: "4 seconds" },
        "3 seconds",
        0
      ]
    ] as const) {
      it.live(what, () =>
        Effect.gen(function* () {
          const { url } = yield* server
          const provider = yield* Redis.make({ url })
          const all = { idleTimeout: "6 seconds", ...options } as const
          const [writer, reader] = yield* processes(provider, [
            { ahead: byWriter, options: all },
            { ahead: byReader, options: all }
          ])
          const headers = yield* signedIn(writer!)
          for (let at = 0; at < 9_000; at += 500) {
            yield* Effect.sleep(500)
            expect(yield* visitor(reader!, headers)).toBe("ada")
          }
        })
      )
    }

    it.live("a session that moves to its hash lives on, although its writer's clock is behind", () =>
      Effect.gen(function* () {
        const { url } = yield* server
        const provider = yield* Redis.make({ url })
        const [writer, reader] = yield* processes(provider, [
          { ahead: 0, options: { id: { bytes: 16, hashed: false } } },
          { ahead: "2 hours", options: { id: { bytes: 16, hashed: "migrating" } } }
        ])
        const headers = yield* signedIn(writer!)
        for (let request = 0; request < 3; request++) {
          // The handler takes longer than no lifetime at all.
          expect(yield* visitor(reader!, headers, meAfter("20 millis"))).toBe("ada")
          yield* Effect.sleep(50)
        }
      })
    )
  })

  suite("Redis, and its clock", ["redis-server"], () => {
    const server = shared(Servers.single())
    ignoresItsClock(Effect.flatMap(server, ({ url }) => Redis.make({ url })))
  })

  suite("LedisDB, and its clock", ["ledis-server"], () => {
    const server = shared(LedisServer.make())
    ignoresItsClock(Effect.flatMap(server, ({ url }) => Ledis.make({ url })))
  })

  describe("SSDB, and its clock", () => {
    const server = shared(SsdbServer.make())
    ignoresItsClock(Effect.flatMap(server, ({ url }) => Ssdb.make({ url })))
  })
})
