// How long something takes on a machine that may be busy: what this process was kept from running for does not count.
import * as Effect from "effect/Effect"

const tick = 10

/** The result, and the milliseconds for which this process could have done something: for bounds on waiting, not on computing. */
export const machineTimed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [number, A], E, R> =>
  Effect.suspend(() => {
    let ticks = 0
    const timer = setInterval(() => ticks++, tick)
    return effect.pipe(
      Effect.map((result) => [ticks * tick, result] as const),
      Effect.ensuring(Effect.sync(() => clearInterval(timer)))
    )
  })
