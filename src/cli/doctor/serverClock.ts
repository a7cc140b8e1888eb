/**
 * Whether a server's clock agrees with this machine's.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import { type Check, ok, warning } from "./finding.js"
import { spoken } from "./units.js"

/** How far two clocks may differ, in milliseconds. */
const tolerance = 2_000

/**
 * Compares the clocks. `ask` returns the server's time in milliseconds since the epoch, which may be rounded down by as much
 * as `unit`.
 */
export const serverClock = (ask: Effect.Effect<number, unknown>, consequence: string, unit = 0): Check => ({
  name: "the server's clock",
  look: Effect.clockWith((clock) =>
    Effect.suspend(() => {
      const before = millisOf(clock)
      return Effect.map(ask, (theirs) => {
        const after = millisOf(clock)
        // The server looked at its clock at some moment in between.
        const difference = theirs + unit / 2 - (before + after) / 2
        const apart = Math.abs(difference)
        return apart > tolerance + unit / 2 + (after - before) / 2
          ? [
              warning(
                `the clock of the server is ${spoken(apart)} ${difference > 0 ? "ahead of" : "behind"} this machine's: ${consequence}`,
                "keep both in step with NTP: see timedatectl or chronyc tracking on each machine"
              )
            ]
          : [ok("the clock of the server agrees with this machine's")]
      })
    })
  )
})
