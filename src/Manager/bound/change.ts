/**
 * Changes what binds a session to its device, with compare-and-set: of two requests that answer one challenge, one wins.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { SessionError } from "../../SessionError.js"
import type { Binding } from "../../Store/Codec.js"
import { own } from "../attempt.js"
import { late } from "../begin.js"
import { payloadOf } from "../content.js"
import { isClosed } from "../findLive.js"
import type { Found } from "../Keeper.js"
import type { Base } from "../Outcome.js"
import type { RequestState } from "../RequestState.js"
import { maxAttempts, pauseAfter } from "../Turns.js"

/** Why a browser's request is refused. */
export type Refusal = "Nobody" | "Bound" | "Forged" | "Spent" | "TooMany"

/** The binding to store, or why there is none. */
export type Next = (binding: Binding, now: number) => Binding | Refusal

/**
 * Stores the next binding of a session, and returns the session as it is then. If others change the session meanwhile,
 * it starts again from what they have stored, also under another id: the binding stays with the person who signed in. If
 * only that id opens it, the browser has to try again.
 */
export const change = (
  session: RequestState,
  base: Base,
  next: Next,
  attempt = 1
): Effect.Effect<Base | Refusal, SessionError> =>
  Effect.clockWith((clock) => {
    const { keeper } = session.env
    const { data, kept } = base
    const { owner } = data
    const now = millisOf(clock)
    const life = session.lifetime(data, now)
    if (owner?.binding === undefined || life <= 0) {
      return Effect.succeed("Nobody")
    }
    const { binding } = owner
    const changed = next(binding, now)
    if (typeof changed === "string") {
      return Effect.succeed(changed)
    }
    const stored = { ...data, owner: { ...owner, binding: changed } }
    // A browser renews its proof by itself: that is no use of the session. To bind one may end its limit.
    const ttl = binding.key === undefined ? session.lifetime(stored, now) : Math.max(kept.expiresAt - now, 1)
    const payload = payloadOf(session.env, stored, now + ttl)
    if (!(payload instanceof Uint8Array)) {
      return Effect.fail(payload)
    }
    return Effect.flatMap(keeper.save(kept, payload, Duration.millis(ttl)), (result) => {
      if (result._tag === "Saved") {
        return Effect.succeed<Base | Refusal>({ kept: result.kept, data: stored })
      }
      if (attempt >= maxAttempts) {
        return new SessionError({
          reason: "Conflict",
          message: `${keeper.name}: other requests changed the session ${attempt} times while its device was proved: try again`
        })
      }
      const looking: Effect.Effect<Found | undefined, SessionError> =
        result._tag === "Changed" && result.current !== undefined
          ? Effect.succeed(result.current)
          : Effect.andThen(pauseAfter(attempt), keeper.find(kept.ref, kept.id))
      return Effect.flatMap(looking, (found) => {
        if (found !== undefined && found.kept.ref !== kept.ref && isClosed(session.env, found)) {
          return Effect.fail(late(session))
        }
        const latest = found && session.understand(found)
        return latest?.data.owner?.binding?.secret === binding.secret
          ? change(session, latest.kept.ref === kept.ref ? own(latest, kept) : latest, next, attempt + 1)
          : Effect.succeed<Base | Refusal>("Nobody")
      })
    })
  })
