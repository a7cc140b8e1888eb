/**
 * Waiting in the machine's time, for what happens outside of the app: its servers do not know of a `TestClock`.
 */
import { inMachineTime } from "#dialect/clock"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"

/**
 * Calls `late` after so many milliseconds, unless the function that it returns is called before. A process that was busy
 * until then first reads the replies that came meanwhile: Node runs timers before it looks at its sockets.
 */
export const deadline = (millis: number, late: () => void): (() => void) => {
  let isMet = false
  const timer = setTimeout(
    () =>
      setImmediate(() => {
        if (!isMet) {
          late()
        }
      }),
    millis
  )
  return () => {
    isMet = true
    clearTimeout(timer)
  }
}

/** Pauses in the machine's time. */
export const rest = (duration: Duration.Input): Effect.Effect<void> => inMachineTime(Effect.sleep(duration))
