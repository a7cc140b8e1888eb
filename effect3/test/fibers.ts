import * as Effect from "effect/Effect"

/** The tag of what `Effect.timeout` fails with. */
export const timedOut = "TimeoutException"

export const { disconnect } = Effect

/** Whether what is registered to run before a response's headers leave survives the fiber that registered it. */
export const keepsHandlers = false as boolean
