/**
 * Processes whose clocks differ: whoever goes on using a session stays signed in.
 */
import { type SessionConfig, SessionHttp, type SessionProvider } from "effect-session"
import * as Redis from "effect-session/redis"
import { signIn } from "effect-session/testing"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import { processAhead } from "#test/clock"
import { describe, expect, it } from "#test/vitest"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
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

suite("Redis, and two processes", ["redis-server"], () => {
  const server = shared(Servers.single())

  for (const [what, options, byWriter, byReader] of [
    ["the writer's clock two hours ahead", {}, "2 hours", 0],
    ["the reader's clock two hours ahead", {}, 0, "2 hours"],
    ["the writer's clock a little ahead, and renewals that wait for long", { touchEvery: "4 seconds" }, "3 seconds", 0]
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
