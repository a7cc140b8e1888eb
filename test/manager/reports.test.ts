/**
 * The log of an outage: a line when it begins, a count while it lasts, a line when it is over; no line per request.
 */
import { SessionError, SessionHttp } from "effect-session"
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpRouter from "#test/HttpRouter"
import { afterEach, describe, expect, it, vi } from "#test/vitest"
import { makeReports } from "../../src/Manager/reports.js"
import { AppSession, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"

const error = (reason: SessionError["reason"], message: string) => new SessionError({ reason, message })

const refused = error("Unavailable", "far: read failed (ECONNREFUSED): check that the backend is up and reachable")

afterEach(() => {
  vi.restoreAllMocks()
})

/** Reports of a backend, at times that the test sets, in seconds. */
const watched = (isCalled = true) => {
  const { layer, logged } = collectLogs()
  const now = vi.spyOn(performance, "now")
  const reports = makeReports("far", isCalled)
  const at = (seconds: number) => now.mockReturnValue(seconds * 1000)
  const run = (effect: Effect.Effect<void> | undefined, times = 1) => {
    for (let i = 0; i < times && effect !== undefined; i++) Effect.runSync(Effect.provide(effect, layer))
  }
  const fails = (times: number, failure = refused) => {
    for (let i = 0; i < times; i++) {
      run(reports.called("read", false))
      run(reports.failed(failure))
    }
  }
  const works = (kind: "read" | "write" = "read") => run(reports.called(kind, true))
  return { at, fails, logged, reports, run, works }
}

describe("an outage", () => {
  it("is told when it begins, every ten seconds, and when it is over", () => {
    const { at, fails, logged, works } = watched()
    for (let second = 100; second < 125; second++) {
      at(second)
      fails(1_000)
    }
    at(125)
    works()
    expect(logged).toEqual([
      refused.message,
      `far: still failing after 10 s: 10001 requests failed, the last one with: ${refused.message}`,
      `far: still failing after 20 s: 20001 requests failed, the last one with: ${refused.message}`,
      "far: works again after 25 s, in which 25000 requests failed"
    ])
    works()
    at(500)
    fails(1)
    expect(logged.slice(4)).toEqual([refused.message])
  })

  it("is not over as long as calls fail now and then", () => {
    const { at, fails, logged, works } = watched()
    for (let i = 0; i < 90; i++) {
      at(100 + i / 10)
      fails(1)
      works()
    }
    at(109.5)
    works()
    expect(logged).toEqual([refused.message])
    at(111)
    works()
    expect(logged.slice(1)).toEqual(["far: works again after 9 s, in which 90 requests failed"])
  })

  it("is not over as long as only reads work", () => {
    const { at, logged, reports, run, works } = watched()
    at(100)
    run(reports.called("write", false))
    run(reports.failed(refused))
    at(105)
    works("read")
    expect(logged).toHaveLength(1)
    works("write")
    expect(logged.slice(1)).toEqual(["far: works again after 5 s, in which 1 request failed"])
    // But where nothing is written for long, reads have the last word.
    at(200)
    run(reports.called("write", false))
    run(reports.failed(refused))
    at(209)
    works("read")
    expect(logged).toHaveLength(3)
    at(211)
    works("read")
    expect(logged.slice(3)).toEqual(["far: works again after 11 s, in which 1 request failed"])
  })

  it("is one if a part of the calls fails, as with one of several servers away, however few there are", () => {
    const { at, fails, logged, works } = watched()
    for (let i = 0; i < 30; i++) {
      at(100 + 2 * i)
      fails(1)
      at(101.5 + 2 * i)
      works()
    }
    expect(logged).toEqual([
      refused.message,
      "far: works again after 2 s, in which 1 request failed",
      refused.message,
      ...[10, 20, 30, 40, 50].map(
        (seconds) =>
          `far: still failing after ${seconds} s: ${seconds / 2 + 1} requests failed, the last one with: ${refused.message}`
      )
    ])
    at(168.5)
    works()
    expect(logged.slice(8)).toEqual(["far: works again after 58 s, in which 29 requests failed"])
  })

  it("says why garbage is not collected", () => {
    const { at, fails, logged, reports, run } = watched()
    const collection = reports.notCollected(Cause.fail(refused))
    at(100)
    run(collection)
    expect(logged).toEqual(["session garbage collection failed"])
    fails(1)
    run(collection)
    expect(logged.slice(1)).toEqual([refused.message])
  })

  it("cannot be told of a backend whose calls are not noted: then it is like other errors", () => {
    const { at, fails, logged } = watched(false)
    for (let second = 100; second < 121; second += 10) {
      at(second)
      fails(3)
    }
    expect(logged).toEqual([refused.message, ...Array(2).fill(`${refused.message} (and 2 more before)`)])
  })
})

it("of other errors, each kind is told at most every ten seconds, with how many there were", () => {
  const { at, fails, logged } = watched()
  const conflict = error("Conflict", "far: other requests changed the session")
  const tooLarge = error("TooLarge", "far: the session is 70000 bytes")
  at(100)
  fails(500, conflict)
  fails(1, tooLarge)
  for (const reason of ["Gone", "SignInNeeded", "TooManySessions"] as const) {
    fails(3, error(reason, "far: the client's matter"))
  }
  at(109)
  fails(1, conflict)
  at(110)
  fails(1, conflict)
  expect(logged).toEqual([conflict.message, tooLarge.message, `${conflict.message} (and 500 more before)`])
})

it("a backend that dies is told at most every ten seconds, too", () => {
  const { at, logged, reports, run } = watched()
  at(100)
  run(reports.died(new Error("far: read died of RangeError")), 5)
  expect(logged).toEqual(["session: saving died"])
})

it.live("requests with routers, of which some read and some write", () =>
  Effect.gen(function* () {
    const { layer, logged } = collectLogs()
    let isAway = false
    const away = <A>(call: Effect.Effect<A, SessionError>) =>
      Effect.suspend((): Effect.Effect<A, SessionError> => (isAway ? Effect.fail(refused) : call))
    const { provider } = probe(({ create, read, write }) => ({
      create: (...args) => away(create(...args)),
      read: (id) => away(read(id)),
      write: (...args) => away(write(...args))
    }))
    const count = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))
    const app = HttpRouter.empty.pipe(
      HttpRouter.get("/", Effect.as(count, HttpServerResponse.empty())),
      HttpRouter.use(SessionHttp.middleware(AppSession))
    )
    const { as, send } = yield* serve(app, {}, provider).pipe(Effect.provide(layer))
    const { cookie } = yield* send("/")
    const me = as(cookie)
    isAway = true
    for (const by of [me, send]) {
      const answers = yield* Effect.forEach(Array(20).fill("/"), (path) => by(path), { concurrency: 10 })
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    }
    isAway = false
    expect((yield* me("/")).status).toBe(204)
    yield* Effect.sleep("1100 millis")
    expect((yield* send("/")).status).toBe(204)
    expect(logged).toEqual([
      refused.message,
      expect.stringMatching(/^memory: works again after \d+ s, in which 40 requests failed$/)
    ])
  })
)
