/**
 * Finds a session outside of a request of its client.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import type { StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { Environment } from "./Environment.js"
import { lifetimeOf } from "./lifetimes.js"
import type { Base } from "./Outcome.js"

/** The live session of a stored id, under the id that it has by now. */
export const findLive = (
  { codec, config, keeper }: Pick<Environment, "codec" | "config" | "keeper">,
  ref: StoredId
): Effect.Effect<Base | undefined, SessionError> =>
  Effect.flatMap(keeper.find(ref), (found) =>
    Effect.clockWith((clock) => {
      const data = found && codec.decode(found.payload)
      return Effect.succeed(
        found !== undefined && data !== undefined && lifetimeOf(config, data, millisOf(clock)) > 0
          ? { kept: found.kept, data }
          : undefined
      )
    })
  )
