/**
 * The metrics of sessions: each has the backend's name, and they tell how long calls take and how large sessions are.
 */
import { SessionError } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import { durations, sizes } from "../../src/Manager/Telemetry.js"
import { probe, serve } from "../support/http.js"
import * as Metrics from "../support/metrics.js"
import { counting } from "../support/visits.js"

const replays = (backend: string) =>
  Metrics.count("session_replayed_total", "Changes applied to data that another request had stored meanwhile", backend)

it.live("how long calls took, by operation and outcome, and how large sessions are", () =>
  Effect.gen(function* () {
    let isAway = false
    const { provider } = probe(({ read, write }) => ({
      name: "slow",
      read: (id) => Effect.delay(read(id), "20 millis"),
      write: (...args) =>
        Effect.suspend(() =>
          isAway ? Effect.fail(new SessionError({ reason: "Unavailable", message: "away" })) : write(...args)
        )
    }))
    const { as, send } = yield* serve(counting, {}, provider)
    const { cookie } = yield* send("/")
    expect((yield* as(cookie)("/")).body).toBe("2")
    isAway = true
    expect((yield* as(cookie)("/")).status).toBe(503)
    const timed = (operation: string, outcome: string) =>
      Metrics.histogram(durations, { backend: "slow", operation, outcome })
    expect((yield* timed("create", "success")).count).toBe(1)
    expect((yield* timed("write", "success")).count).toBe(1)
    expect((yield* timed("write", "failure")).count).toBe(1)
    const reads = yield* timed("read", "success")
    expect(reads.count).toBe(2)
    expect(reads.min).toBeGreaterThan(0.015)
    expect(reads.max).toBeLessThan(5)
    const stored = yield* Metrics.histogram(sizes, { backend: "slow" })
    expect(stored.count).toBe(3)
    expect(stored.min).toBeGreaterThan(20)
    expect(stored.max).toBeLessThan(200)
  })
)

it.live("conflicts with other processes, and replays", () =>
  Effect.gen(function* () {
    let others = 2
    const { provider } = probe(({ read, write }) => ({
      name: "shared",
      write: (id, payload, ttl, revision) =>
        others-- > 0
          ? Effect.flatMap(read(id), (found) => {
              const now = Option.getOrThrow(found)
              return Effect.andThen(write(id, now.payload, ttl, now.revision), write(id, payload, ttl, revision))
            })
          : write(id, payload, ttl, revision)
    }))
    const { as, send } = yield* serve(counting, {}, provider)
    const { cookie } = yield* send("/")
    expect((yield* as(cookie)("/")).body).toBe("2")
    expect(
      yield* Metrics.count("session_conflict_total", "Saves replayed because another request saved first", "shared")
    ).toBe(2)
    expect(yield* replays("shared")).toBe(2)
  })
)
