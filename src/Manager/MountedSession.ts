/**
 * The session of a request as its mounts see it, and the work that is done even if no mount made a response.
 */
import * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import type { HttpServerResponse } from "#effect/http/HttpServerResponse"
import * as Scope from "#effect/Scope"
import type { SessionError } from "../SessionError.js"
import { commit } from "./Commit.js"
import { type Access, refused, withheld } from "./crossOrigin.js"
import type { Environment } from "./Environment.js"
import { LiveSession, type Use } from "./LiveSession.js"
import type { Shape } from "./respond.js"
import type { Client } from "./signals.js"

export class MountedSession extends LiveSession {
  constructor(
    env: Environment,
    private readonly request: HttpServerRequest
  ) {
    super(env, () => {
      const sent = env.transport.read(request)
      // Cookies of the session's name that cannot be its own are as good as none, and so is an id in a link: whoever wrote
      // that must not displace the session of which the browser keeps the cookie back.
      return (sent?.tokens.length === 0 || sent?.via === "query") && env.crossOrigin.isWithheld(request)
        ? undefined
        : sent
    })
  }

  /** How many mounts of this request are running, nested in each other. */
  mounts = 0
  /** Whether what runs before the headers leave was registered, where that belongs to the request. */
  registered = false
  /** How its errors are shown to the client. */
  shape: Shape = "empty"
  /** The response that a mount has made, with the session's cookies and headers in it. */
  made: HttpServerResponse | undefined = undefined
  /** Whether the response's headers have left. */
  answered = false
  /** The request's scope: a handler may run in a scope of its own. */
  scope: Scope.Scope | undefined = undefined
  /** Whether the end of the request is watched for a new token that nobody was told. */
  private watched = false
  private accessKnown: Access | undefined = undefined
  /** Whether this request was reported as one of another site. */
  private reported = false

  /** What the request may do with its session, by where it comes from. */
  private get access(): Access {
    this.accessKnown ??= this.env.crossOrigin.access(this.request, () => this.sent)
    return this.accessKnown
  }

  protected override barred(use: Use): SessionError | undefined {
    const { access } = this
    return access === "free" ? undefined : this.barredFromAfar(access, use)
  }

  private barredFromAfar(access: Exclude<Access, "free">, use: Use): SessionError | undefined {
    if (access !== "refused" && (use === "read" || this.mayChange(access, use))) {
      return undefined
    }
    if (!this.reported) {
      this.reported = true
      const [token] = this.sent?.tokens ?? []
      this.env.telemetry.crossOrigin(token === undefined ? undefined : this.env.keeper.refOf(token), this)
    }
    return access === "refused" ? refused() : withheld(use)
  }

  /** A session that somebody signs in to is this request's own. Other changes of a safe method are dropped at its end. */
  private mayChange(access: "withheld" | "signIn", use: Use): boolean {
    switch (access) {
      case "withheld":
        return use === "change" || (use === "save" && !this.changed)
      case "signIn":
        return use === "signIn" || use === "regenerate" || use === "save" || this.renewing || this.base !== undefined
    }
  }

  override get isForgotten(): boolean {
    return this.accessKnown === "withheld"
  }

  override get isUsed(): boolean {
    return super.isUsed || this.reported
  }

  private requester: Client | undefined = undefined
  private admitted: boolean | undefined = undefined

  override get client(): Client | undefined {
    this.requester ??= this.env.clients?.(this.request)
    return this.requester
  }

  /** Asked once, whatever is tried again. */
  override get admission(): Effect.Effect<boolean> | undefined {
    const { admit } = this.env.config
    return admit === undefined
      ? undefined
      : Effect.suspend(() =>
          this.admitted === undefined
            ? Effect.tap(admit(this.request), (admitted) =>
                Effect.sync(() => {
                  this.admitted = admitted
                })
              )
            : Effect.succeed(this.admitted)
        )
  }

  override get isPrefetch(): boolean {
    return /^prefetch\b/i.test(this.request.headers["sec-purpose"] ?? "")
  }

  /**
   * Notes that the fiber of a mount has ended, with `outer` mounts around it. If the mount has not left, it was
   * interrupted: by a client that hung up, or by a timeout. Then only the changes that its handler saved itself are
   * kept.
   */
  leftAt(outer: number): void {
    if (this.mounts > outer && !this.answered) {
      this.mounts = outer
      this.discard()
    }
  }

  /**
   * Ends the session when the request is over, if no mount did: an interrupted fiber may take its response handler
   * along.
   */
  override get destroy(): Effect.Effect<void, SessionError> {
    return Effect.tap(super.destroy, this.unlessAnswered(endNow(this)))
  }

  /** Warns if a new id was saved and the client cannot be told of it: then the mount is in the wrong place. */
  override get save(): Effect.Effect<void, SessionError> {
    return Effect.tap(
      super.save,
      Effect.suspend(() => {
        if (this.watched || !this.hasNewToken) {
          return Effect.void
        }
        this.watched = true
        return this.unlessAnswered(this.env.reports.warned(untold))
      })
    )
  }

  /** Whether the client is to be told a token that it did not send. */
  private get hasNewToken(): boolean {
    return typeof this.reply === "object" && !this.wasSent(this.reply.token)
  }

  /** Runs an effect when the request is over, if no mount has made its response by then. */
  private unlessAnswered(effect: Effect.Effect<unknown>): Effect.Effect<void> {
    return this.scope === undefined
      ? Effect.void
      : Scope.addFinalizer(
          this.scope,
          Effect.suspend(() => (this.answered || this.mounts > 0 ? Effect.void : effect))
        )
  }
}

/** Ends the sessions that the request wanted to end, whatever becomes of its changes. */
export const endNow = (session: LiveSession): Effect.Effect<unknown> =>
  Effect.suspend(() =>
    session.ending.length === 0
      ? Effect.void
      : Effect.tap(commit(session, "ending"), (outcome) =>
          outcome._tag === "Failed" ? session.env.reports.failed(outcome.error) : Effect.void
        )
  )

/**
 * Warns that the handler saved the session under a new id and was then interrupted, by a timeout around the mount. In
 * Effect 3 that leaves no way to tell the client the id.
 */
const untold =
  "session: a request was interrupted after it had saved its session under a new id, which the client was not told: mount SessionHttp outside of Effect.timeout and Effect.race"
