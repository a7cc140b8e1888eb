/**
 * Fibers: how they end, and how many there are.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"

/** The tag of what `Effect.timeout` fails with. */
export const timedOut = "TimeoutError"

/** Runs an effect in a fiber that an interruption does not wait for. */
export const disconnect = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.forkDetach(effect), (fiber) =>
    Effect.onInterrupt(Fiber.join(fiber), () => Effect.sync(() => fiber.interruptUnsafe()))
  )

/** Whether what is registered to run before a response's headers leave survives the fiber that registered it. */
export const keepsHandlers = true as boolean

let fibers = 0

/** Has the fibers of an effect counted. */
export const counted: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.provideService(
  Metric.FiberRuntimeMetrics,
  {
    recordFiberStart: () => {
      fibers++
    },
    recordFiberEnd: () => {
      fibers--
    }
  }
)

/** How many of them run. */
export const running = (): number => fibers
