// Measures time on a busy machine: time in which this process could not run does not count.
import * as Effect from "#effect/Effect"

const tick = 10

/**
 * Returns the milliseconds in which this process could run, and the result: for bounds on waiting, not on computing.
 */
export const machineTimed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [number, A], E, R> =>
  Effect.suspend(() => {
    let ticks = 0
    const timer = setInterval(() => ticks++, tick)
    return effect.pipe(
      Effect.map((result) => [ticks * tick, result] as const),
      Effect.ensuring(Effect.sync(() => clearInterval(timer)))
    )
  })
