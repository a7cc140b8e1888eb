/**
 * Finds a session outside of a request of its client.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import type { StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionData } from "../Store/Codec.js"
import type { Environment } from "./Environment.js"
import type { Found, Kept } from "./Keeper.js"
import { lifetimeOf } from "./lifetimes.js"

/** A session that is there. Its data are unknown if only its id opens it. */
export interface Seen {
  readonly kept: Kept
  readonly data: SessionData | undefined
}

/** Whether a session that was found without its id is one that only its id opens. */
export const isClosed = ({ keeper }: Pick<Environment, "keeper">, { payload }: Found): boolean =>
  keeper.opensById && payload === undefined

/** The live session of a stored id, under the id that it has by now. `id` is the one that it had, if it is known. */
export const findLive = (
  env: Pick<Environment, "codec" | "config" | "keeper">,
  ref: StoredId,
  id?: string
): Effect.Effect<Seen | undefined, SessionError> =>
  Effect.flatMap(env.keeper.find(ref, id), (found) =>
    Effect.clockWith((clock) => {
      if (found === undefined) {
        return Effect.succeed(undefined)
      }
      const { kept, payload } = found
      const data = payload && env.codec.decode(payload)
      const isLive =
        data === undefined
          ? isClosed(env, found) && (id === undefined || kept.ref !== ref)
          : lifetimeOf(env.config, data, millisOf(clock)) > 0
      return Effect.succeed(isLive ? { kept, data } : undefined)
    })
  )
