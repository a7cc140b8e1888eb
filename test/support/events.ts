/**
 * The events of sessions: what they were while an effect ran, and the name of an event's session.
 */
import type { SessionManager } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Stream from "#effect/Stream"

/** The kinds of the events while an effect runs. */
export const eventsWhile = <A, E, R>(manager: SessionManager.Manager, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const listening = yield* Effect.forkChild(
      Stream.runForEach(manager.events, (event) => Effect.sync(() => seen.push(event._tag)))
    )
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    yield* effect
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    yield* Fiber.interrupt(listening)
    return seen
  })

/** The name of an event's session, if it is about one. */
export const sessionOf = (event: SessionManager.SessionEvent | undefined): string | undefined =>
  event !== undefined && "session" in event ? event.session : undefined
