// What every backend on ioredis does when its server is away: the layer does not build, calls fail in bounded time with a typed error,
// nothing is printed or left unhandled, it works again by itself, and it closes at once in every state.

import type { SessionError, SessionProvider } from "effect-session"
import { vi } from "vitest"
import { errorOf } from "#dialect/result"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as Schedule from "#effect/Schedule"
import * as Scope from "#effect/Scope"
import { expect, it } from "#test/vitest"
import type { Control } from "../servers/Process.js"
import { machineTimed } from "../support/machineTime.js"

const ttl = Duration.minutes(5)

let count = 0
const newId = () => `survivor${count++}`.padEnd(43, "0") as SessionProvider.StoredId

/** Everything that a caller can be told in this time, in milliseconds: a few seconds. */
const bound = 8_000

export const failsInTime = <A>(call: Effect.Effect<A, SessionError>) =>
  Effect.gen(function* () {
    const [time, result] = yield* machineTimed(Effect.result(call))
    expect(time).toBeLessThan(bound)
    expect(Result.isFailure(result) && errorOf(result)._tag === "SessionError" && errorOf(result).reason).toBe(
      "Unavailable"
    )
    return Result.isFailure(result) ? errorOf(result).message : ""
  })

/** Until it works again by itself. */
export const recovers = <A>(call: Effect.Effect<A, SessionError>) =>
  call.pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.timeout("20 seconds"))

const closesAtOnce = (scope: Scope.Closeable) =>
  Effect.gen(function* () {
    const [time] = yield* machineTimed(Scope.close(scope, Exit.void))
    expect(time).toBeLessThan(1_000)
  })

/** Of `console`, while tests run that have to be silent: several may at once. */
let spies: ReadonlyArray<ReturnType<typeof vi.spyOn>> = []
let silent = 0

/** Nothing is printed meanwhile; an unhandled rejection fails the test run by itself. */
export const silently = <A, E, R>(test: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      if (silent++ === 0) spies = [vi.spyOn(console, "error"), vi.spyOn(console, "warn"), vi.spyOn(console, "log")]
    }),
    () => test,
    () =>
      Effect.sync(() => {
        const printed = spies.flatMap((spy) => spy.mock.calls)
        if (--silent === 0) for (const spy of spies) spy.mockRestore()
        expect(printed).toEqual([])
      })
  )

export const survives = <S extends Control>(
  server: Effect.Effect<S>,
  make: (server: S) => Effect.Effect<SessionProvider.Provider, SessionError, Scope.Scope>
): void => {
  /** A provider in a scope of its own, with one session in it. */
  const opened = Effect.gen(function* () {
    const control = yield* server
    const scope = yield* Scope.make()
    const provider = yield* recovers(Scope.provide(make(control), scope))
    const id = newId()
    yield* recovers(provider.create(id, Buffer.from("kept"), ttl))
    return { control, scope, provider, id }
  })

  const kept = (provider: SessionProvider.Provider, id: SessionProvider.StoredId) =>
    Effect.gen(function* () {
      const stored = Option.getOrThrow(yield* recovers(provider.read(id)))
      expect(Buffer.from(stored.payload).toString()).toBe("kept")
      const written = yield* recovers(provider.write(id, Buffer.from("kept"), ttl, stored.revision))
      expect(written._tag).toBe("Written")
    })

  it.live(
    "stopped: typed errors at once, no new layer, and it works again when the server does",
    () =>
      silently(
        Effect.gen(function* () {
          const { control, id, provider, scope } = yield* opened
          yield* control.stop
          for (const call of [provider.read(id), provider.touch(id, ttl), provider.destroy(newId()), provider.count!]) {
            expect(yield* failsInTime<unknown>(call)).toContain(provider.name)
          }
          yield* failsInTime(Effect.scoped(make(control)))
          yield* control.start
          yield* kept(provider, id)
          yield* closesAtOnce(scope)
        })
      ),
    90_000
  )

  it.live(
    "paused: typed errors in bounded time however many ask, no new layer, and it works again when the server does",
    () =>
      silently(
        Effect.gen(function* () {
          const { control, id, provider, scope } = yield* opened
          yield* control.pause
          yield* Effect.all(
            Array.from({ length: 200 }, () => failsInTime(provider.read(id))),
            { concurrency: "unbounded" }
          )
          yield* failsInTime(provider.read(id))
          yield* failsInTime(Effect.scoped(make(control)))
          yield* control.resume
          yield* kept(provider, id)
          yield* closesAtOnce(scope)
        })
      ),
    90_000
  )

  it.live(
    "closes at once while the server is stopped, paused, or being asked",
    () =>
      silently(
        Effect.gen(function* () {
          const { control } = yield* opened
          const paused = yield* opened
          const asking = yield* opened
          yield* control.pause
          yield* Effect.forkChild(Effect.result(asking.provider.read(asking.id)))
          yield* Effect.sleep("50 millis")
          yield* closesAtOnce(asking.scope)
          yield* closesAtOnce(paused.scope)
          yield* control.resume
          const stopped = yield* opened
          yield* control.stop
          yield* closesAtOnce(stopped.scope)
          yield* control.start
        })
      ),
    90_000
  )
}
