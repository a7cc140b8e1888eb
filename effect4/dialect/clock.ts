/**
 * Clocks: the time that one shows, and the machine's for what has to end in real time.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

export const millisOf = (clock: Clock.Clock): number => clock.currentTimeMillisUnsafe()

const machineClock = Context.get(Context.empty(), Clock.Clock)

/** Runs the pauses and timeouts of an effect in the machine's time. */
export const inMachineTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, machineClock)
