/**
 * Fibers: how they end, and how many there are.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"

/** The tag of what `Effect.timeout` fails with. */
export const timedOut = "TimeoutException"

export const { disconnect } = Effect

/** Whether what is registered to run before a response's headers leave survives the fiber that registered it. */
export const keepsHandlers = false as boolean

/** Has the fibers of an effect counted. */
export const counted: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = identity

/** How many fibers run that no other fiber waits for. */
export const running = (): number => Effect.runSync(Fiber.roots).length
