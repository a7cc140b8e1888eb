/**
 * The session of one request as its stores use it: read on first use, changed in a log, saved by `save` or at the
 * request's end.
 */
import { millisOf } from "#dialect/clock"
import * as Cause from "#effect/Cause"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Inspectable from "#effect/Inspectable"
import * as Option from "#effect/Option"
import type { StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { Draft, Operation, SessionCell } from "../Store/Handle.js"
import * as SessionStore from "../Store/SessionStore.js"
import { withoutWords } from "./Calls.js"
import { commit } from "./Commit.js"
import { headersSent, noResponse } from "./headersSent.js"
import type { Outcome } from "./Outcome.js"
import { open } from "./opening.js"
import { principalOf, signingIn, wrongPrincipal } from "./people/owner.js"
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

/** The ways to use a session. */
export type Use = "read" | "change" | "regenerate" | "signIn" | "destroy" | "save"

export class LiveSession extends RequestState implements SessionCell {
  /** The last error of an operation, for the log: an `HttpApi` turns errors into responses and logs none. */
  failure: SessionError | undefined = undefined

  /** The error of a use that the session's request must not make: outside of a request there is none. */
  protected barred(_: Use): SessionError | undefined {
    return undefined
  }

  reading<A>(f: (values: Readonly<Draft>) => Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> {
    return Effect.suspend(() => {
      if (this.origin._tag !== "Unread") {
        return f(this.changes.view)
      }
      const barred = this.barred("read")
      return barred === undefined
        ? Effect.matchCauseEffect(open(this), {
            onFailure: (cause) => this.notRead(cause),
            onSuccess: () => f(this.changes.view)
          })
        : this.fail(barred)
    })
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
    const error = this.barred("change") ?? this.record(operation)
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
    return this.withResponse("regenerate", () => {
      this.renew()
      return Effect.void
    })
  }

  signIn(principal: string, { remember }: SessionStore.SignInOptions = {}): Effect.Effect<void, SessionError> {
    return this.withResponse("signIn", () => {
      const wrong = this.cannotSignIn(principal)
      return wrong === undefined
        ? this.reading(() => {
            const signing = signingIn(this.env.config.app, principal, remember)
            const { generations } = this.env.keeper
            return Effect.map(generations?.current(signing.register) ?? Effect.succeed(undefined), (generation) =>
              this.beginAs({ ...signing, generation })
            )
          })
        : this.fail(wrong)
    })
  }

  private cannotSignIn(principal: string): SessionError | undefined {
    const { codec, keeper, people } = this.env
    return !codec.keepsNotes || (people === undefined && !keeper.needsResponse)
      ? new SessionError({
          reason: "Unsupported",
          message: `${keeper.name}: signIn: this backend's format has no room for who signed in; keep it in a field, and call regenerate`
        })
      : wrongPrincipal("signIn", principal)
  }

  get principal(): Effect.Effect<Option.Option<string>, SessionError> {
    return this.reading(() => {
      const { base, signing } = this
      const owner = base?.data.owner
      const id = base?.kept.id
      return Effect.succeed(
        signing !== undefined
          ? Option.some(signing.principal)
          : Option.fromNullishOr(owner && id && principalOf(owner, id))
      )
    })
  }

  /** Whose session it is, as far as this request knows: the person's register, and the session's family in it. */
  get whose(): Effect.Effect<{ readonly register: StoredId; readonly family: string } | undefined, SessionError> {
    return this.reading(() => {
      const { signing } = this
      const owner = this.base?.data.owner
      return Effect.succeed(
        signing !== undefined && signing.register !== owner?.principal
          ? { register: signing.register, family: signing.family }
          : owner && { register: owner.principal, family: owner.family }
      )
    })
  }

  requireFresh(within: Duration.Input): Effect.Effect<void, SessionError> {
    const limit = Duration.fromInputUnsafe(within)
    return this.reading(() =>
      Effect.clockWith((clock) => {
        const signedInAt = this.base?.data.owner?.signedInAt
        return this.signing !== undefined ||
          (signedInAt !== undefined && millisOf(clock) - signedInAt <= Duration.toMillis(limit))
          ? Effect.void
          : this.fail(
              new SessionError({
                reason: "SignInNeeded",
                message: `requireFresh: nobody has signed in here within ${Duration.format(limit)}: ask the user to sign in again`
              })
            )
      })
    )
  }

  get signOut(): Effect.Effect<void, SessionError> {
    return Effect.tap(
      this.destroy,
      Effect.sync(() => {
        this.signedOut ||= this.stage === "open"
      })
    )
  }

  get destroy(): Effect.Effect<void, SessionError> {
    return this.beforeHeaders("destroy", () => {
      this.end()
      return Effect.void
    })
  }

  get save(): Effect.Effect<void, SessionError> {
    return this.beforeHeaders("save", () => this.saveNow)
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
    this.env.telemetry.dropped(this.base?.kept.ref, key, this)
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

  /** Runs what a response has to tell, or what it must not be too late for. */
  private beforeHeaders(
    use: Exclude<Use, "read" | "change">,
    run: () => Effect.Effect<void, SessionError>
  ): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => {
      if (this.stage === "closed") {
        return headersSent(use)
      }
      const barred = this.barred(use)
      return barred === undefined ? run() : this.fail(barred)
    })
  }

  /** {@link beforeHeaders} for what changes the id, which only a response can tell. */
  private withResponse(
    use: "regenerate" | "signIn",
    run: () => Effect.Effect<void, SessionError>
  ): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => (this.stage === "socket" ? noResponse(use) : this.beforeHeaders(use, run)))
  }

  fail(error: SessionError): Effect.Effect<never, SessionError> {
    this.failure = error
    return Effect.fail(error)
  }
}
