/**
 * The session of one request as its stores use it: read on first use, changed in a log, saved by `save` or at the
 * request's end.
 */
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as Inspectable from "#effect/Inspectable"
import * as Option from "#effect/Option"
import { SessionError } from "../SessionError.js"
import type { Draft, Operation, SessionCell } from "../Store/Handle.js"
import * as SessionStore from "../Store/SessionStore.js"
import { withoutWords } from "./Calls.js"
import { commit } from "./Commit.js"
import { headersSent, noResponse } from "./headersSent.js"
import type { Outcome } from "./Outcome.js"
import { open } from "./opening.js"
import { RequestState } from "./RequestState.js"

/** The result of `save`, which fails if the changes are not stored. */
const asError = (outcome: Outcome, backend: string): Effect.Effect<void, SessionError> => {
  switch (outcome._tag) {
    case "Failed":
      return Effect.fail(outcome.error)
    case "Died":
      return Effect.die(outcome.defect)
    case "Lost":
      return new SessionError({
        reason: "Gone",
        message: `${backend}: the session was ended, expired or moved to another id while this request used it; its changes were dropped`
      })
    default:
      return Effect.void
  }
}

export class LiveSession extends RequestState implements SessionCell {
  /** The last error of an operation, for the log: an `HttpApi` turns errors into responses and logs none. */
  failure: SessionError | undefined = undefined

  reading<A>(f: (values: Readonly<Draft>) => Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> {
    return Effect.suspend(() =>
      this.origin._tag === "Unread"
        ? Effect.matchCauseEffect(open(this), {
            onFailure: (cause) => this.notRead(cause),
            onSuccess: () => f(this.view)
          })
        : f(this.view)
    )
  }

  /** Removes the message of a defect, which can hold ids and values. */
  private notRead(cause: Cause.Cause<SessionError>): Effect.Effect<never, SessionError> {
    const error = Cause.findErrorOption(cause)
    return Option.isSome(error)
      ? this.fail(error.value)
      : Cause.hasInterruptsOnly(cause)
        ? Effect.failCause(cause)
        : Effect.die(withoutWords(`${this.env.keeper.name}: read`, Cause.squash(cause)))
  }

  apply(operation: Operation): Effect.Effect<void, SessionError> {
    if (this.stage === "closed") {
      return headersSent("change")
    }
    const error = this.record(operation)
    return error === undefined ? Effect.void : this.fail(error)
  }

  get id(): Effect.Effect<SessionStore.SessionId, SessionError> {
    return this.reading(() =>
      Effect.succeed(
        SessionStore.sessionId(this.renewing ? this.successorId : (this.base?.kept.id ?? this.successorId))
      )
    )
  }

  get isNew(): Effect.Effect<boolean, SessionError> {
    return this.reading(() => Effect.succeed(this.base === undefined))
  }

  get regenerate(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => {
      if (this.stage !== "open") {
        return this.stage === "socket" ? noResponse("regenerate") : headersSent("regenerate")
      }
      this.renew()
      return Effect.void
    })
  }

  get destroy(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => {
      if (this.stage === "closed") {
        return headersSent("destroy")
      }
      this.end()
      return Effect.void
    })
  }

  get save(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => (this.stage === "closed" ? headersSent("save") : this.saveNow))
  }

  get exclusive(): Effect.Effect<void, SessionError> {
    const { keeper } = this.env
    return keeper.needsResponse
      ? Effect.suspend(() =>
          this.fail(
            new SessionError({
              reason: "Unsupported",
              message: `${keeper.name}: updateAndSave, takeAndSave: the client holds the session and can send an older one again; use a provider that keeps sessions on a server`
            })
          )
        )
      : Effect.void
  }

  /** Outside of requests nothing is asked for ahead of time. */
  get isPrefetch(): boolean {
    return false
  }

  get keepIdle(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.idling = true
    })
  }

  /** Renews at once if the response has been made already, and if the renewal needs no response. */
  get touch(): Effect.Effect<void, SessionError> {
    return this.reading(() => {
      if (this.stage === "closed" && this.env.keeper.needsResponse) {
        return headersSent("touch")
      }
      this.touching = true
      return this.stage === "closed" ? this.saveNow : Effect.void
    })
  }

  dropped(key: string): void {
    this.env.telemetry.dropped(this.base?.kept.ref, key)
  }

  /** What a log or a debugger shows: no id and no value. */
  toJSON(): unknown {
    return { _id: "effect-session/LiveSession", stage: this.stage, origin: this.origin._tag }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }

  override toString(): string {
    return JSON.stringify(this.toJSON(), null, 2)
  }

  private get saveNow(): Effect.Effect<void, SessionError> {
    return Effect.catch(
      Effect.flatMap(commit(this, "save"), (outcome) => asError(outcome, this.env.keeper.name)),
      (error) => this.fail(error)
    )
  }

  fail(error: SessionError): Effect.Effect<never, SessionError> {
    this.failure = error
    return Effect.fail(error)
  }
}
