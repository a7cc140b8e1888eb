/**
 * The session of a request as its mounts see it, and what of it is done although nothing answered the request.
 */
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { SessionError } from "../SessionError.js"
import { LiveSession } from "./LiveSession.js"
import { log, type Shape } from "./respond.js"

export class MountedSession extends LiveSession {
  /** How many mounts of this request are under way, one in the other. */
  mounts = 0
  /** How its errors are shown. */
  shape: Shape = "empty"
  /** The response that a mount has made, with what the client is told in it. */
  made: HttpServerResponse | undefined = undefined
  /** Whether the response's headers have left. */
  answered = false
  /** Of the request: a handler may be in one of its own. */
  scope: Scope.Scope | undefined = undefined

  /**
   * The fiber of a mount has ended, and `outer` mounts are around it. If the mount has not left, it was interrupted: by a client that hung
   * up, or by a timeout. What its handler saved itself is saved, and no more.
   */
  leftAt(outer: number): void {
    if (this.mounts > outer && !this.answered) {
      this.mounts = outer
      this.discard()
    }
  }

  /** What is to end stands, although a fiber that is given up may take along what would have ended it. */
  override get destroy(): Effect.Effect<void, SessionError> {
    return Effect.zipLeft(super.destroy, this.unlessAnswered(endNow(this)))
  }

  /** A new id that was saved and cannot be told is a mistake of mounting. */
  override get save(): Effect.Effect<void, SessionError> {
    return Effect.zipLeft(
      super.save,
      Effect.suspend(() => (this.reply === undefined ? Effect.void : this.unlessAnswered(untold)))
    )
  }

  /** Runs an effect when the request is over, if nothing of it was answered by then. */
  private unlessAnswered(effect: Effect.Effect<unknown>): Effect.Effect<void> {
    return this.scope === undefined
      ? Effect.void
      : Scope.addFinalizer(
          this.scope,
          Effect.suspend(() => (this.answered || this.mounts > 0 ? Effect.void : effect))
        )
  }
}

/** Ends what is to end, whatever becomes of the rest. */
export const endNow = (session: LiveSession): Effect.Effect<unknown> =>
  Effect.suspend(() =>
    session.ending.length === 0
      ? Effect.void
      : Effect.tap(session.env.commit(session, "ending"), (outcome) =>
          outcome._tag === "Failed" ? log(outcome.error) : Effect.void
        )
  )

/**
 * The handler saved the session under a new id and was then interrupted, by a timeout outside of the mount. In Effect 3 that leaves no way
 * to tell the id: who mounts should know.
 */
const untold = Effect.logWarning(
  "session: a request was interrupted after it had saved its session under a new id, which the client was not told: mount SessionHttp outside of Effect.timeout and Effect.race"
)
