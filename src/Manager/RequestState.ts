/**
 * The state of a session in one request: the data that it knows and the changes that it wants. A change to more than
 * one of the fields is a method here, so that this file shows every possible state.
 */
import type * as Effect from "#effect/Effect"
import type { SessionError } from "../SessionError.js"
import type { SessionData } from "../Store/Codec.js"
import type { Operation } from "../Store/Handle.js"
import { Changes, clear } from "./Changes.js"
import type { Environment } from "./Environment.js"
import type { Found, Offer, Reply, Sent } from "./Keeper.js"
import { cookieLifetimeOf, lifetimeOf } from "./lifetimes.js"
import { missing, none, type Origin, type Stage, unread } from "./Origin.js"
import type { Base } from "./Outcome.js"
import type { SigningIn } from "./people/owner.js"
import type { Client, Signals } from "./signals.js"
import { Line } from "./Turns.js"

export class RequestState {
  stage: Stage = "open"
  origin: Origin = unread
  /** The changes that are not stored yet, and the values as this request sees them. */
  readonly changes = new Changes()
  /** Whether the id is to be changed, by a sign-in or because of other rights. */
  renewing = false
  /** The person who signs in. */
  signing: SigningIn | undefined = undefined
  /** Whether the user signs out, and not only the session ends. */
  signedOut = false
  /** Whether the lifetime is to be renewed regardless of `touchEvery`. */
  touching = false
  /** Whether the request does not count as use of the session. */
  idling = false
  /** Whether the response is to note in the session what its client was seen with. */
  noting = false
  /**
   * Grows when the session ends or is lost, so that a commit that began before knows that it is about another session.
   */
  epoch = 0
  /** The tokens of the sessions to end. */
  ending: ReadonlyArray<string> = []
  /** The news that the response brings to the client. */
  reply: Reply | undefined = undefined
  /** What the response offers to a browser whose user has signed in. */
  offer: Offer | undefined = undefined
  /** Whether the request comes to prove its device: then it is no event that the proof is missing. */
  proving = false
  /** When the session was read, in milliseconds since the epoch. */
  readAt = 0
  /**
   * A random number below 1 that delays this request's renewal of the lifetime, so that requests do not all renew at
   * once.
   */
  jitter = 0

  private known: { readonly sent: Sent | undefined } | undefined = undefined
  private ownLine: Line | undefined = undefined
  private nextId: string | undefined = undefined
  /** `readSent` reads what the client sent, on first use: most requests of most apps do not use their session. */
  constructor(
    readonly env: Environment,
    private readonly readSent: () => Sent | undefined
  ) {}

  /** What the client sent. Only its form has been checked. */
  get sent(): Sent | undefined {
    this.known ??= { sent: this.readSent() }
    return this.known.sent
  }

  /** The line in which the reads and commits of this request's fibers take turns. */
  get line(): Line {
    this.ownLine ??= new Line(this.env.patience)
    return this.ownLine
  }

  /** The request's client, if `signals` ask for it; undefined outside of requests. */
  get client(): Client | undefined {
    return undefined
  }

  get signals(): Signals | undefined {
    return this.client?.signals
  }

  /** Whether the app lets the request's client have a session; undefined outside of requests, and if it is not asked. */
  get admission(): Effect.Effect<boolean> | undefined {
    return undefined
  }

  /** Whether a read or commit of this request is running. */
  get busy(): boolean {
    return this.ownLine?.idle === false
  }

  /** The stored session, if it was read and is there. */
  get base(): Base | undefined {
    return this.origin._tag === "Live" ? this.origin.base : undefined
  }

  /** Whether the session is to be stored with something new. */
  get isUnsaved(): boolean {
    return this.changes.count > 0 || this.renewing
  }

  /** Whether there is something to save, or to end. */
  get changed(): boolean {
    return this.isUnsaved || this.ending.length > 0
  }

  /** Whether the request's changes are for its own handler alone: they are dropped at its end. */
  get isForgotten(): boolean {
    return false
  }

  /** Whether the response may show something of the session. */
  get isUsed(): boolean {
    return this.origin._tag !== "Unread"
  }

  /** The id that the session gets when it begins or is regenerated. */
  get successorId(): string {
    this.nextId ??= this.env.keeper.makeId(this.base?.kept)
    return this.nextId
  }

  /** The session's lifetime from `now` on, in milliseconds. */
  lifetime(data: SessionData, now: number): number {
    return lifetimeOf(this.env.config, data, now)
  }

  /** Decodes a session that a keeper found. Reports one that cannot be decoded, and returns undefined. */
  understand({ kept, payload }: Found): Base | undefined {
    const data = payload && this.env.codec.decode(payload)
    if (data === undefined) {
      this.env.telemetry.dropped(kept.ref, undefined, this)
      return undefined
    }
    return { kept, data }
  }

  /** Notes the session that was read, unless this request ended it meanwhile. */
  read(origin: Origin, now: number): void {
    if (this.origin._tag === "Unread") {
      this.readAt = now
      this.jitter = Math.random()
      this.origin = origin
      this.show(this.base)
      if (origin._tag === "Live" && this.isNews(origin.base)) {
        this.tell(origin.base)
      }
    }
  }

  /** Whether the client does not know the session's token yet, and may learn it. */
  isNews({ kept: { token } }: Base): boolean {
    return token !== undefined && !this.wasSent(token)
  }

  /** Whether the client sent this token. */
  wasSent(token: string): boolean {
    return this.sent?.tokens.includes(token) === true
  }

  /** Sets the token that the client has to send from now on. */
  tell(base: Base): void {
    const { token } = base.kept
    if (token !== undefined) {
      const lasts = base.data.endsWithBrowser === true ? "browser" : cookieLifetimeOf(this, base)
      this.reply = { token, lasts, offer: this.offer }
    }
  }

  /** Logs a change, or returns the reason why it cannot be made. */
  record(operation: Operation): SessionError | undefined {
    return this.changes.add(operation, this.origin._tag !== "Unread")
  }

  /** Notes that the session is stored with the first `count` changes; `renewed` is its new id, if it got one. */
  stored(base: Base, count: number, renewed: string | undefined): void {
    this.changes.drop(count)
    this.noting = false
    if (renewed !== undefined && renewed === this.nextId) {
      this.forgetId()
    }
    this.origin = { _tag: "Live", base }
    this.show(base)
  }

  /** Notes that the session's lifetime was renewed. */
  touched(base: Base): void {
    this.touching = false
    this.noting = false
    this.origin = { _tag: "Live", base }
  }

  /** Drops the changes of this request, but not its wish to end sessions. */
  discard(): void {
    this.changes.drop()
    this.touching = false
    this.forgetId()
    this.show(this.base)
  }

  /**
   * Notes that there is nothing to store yet. If a new id was asked for, the next change begins a session, regardless
   * of the one before.
   */
  nothingToBegin(): void {
    if (this.renewing) {
      this.leave(none)
    } else {
      this.discard()
    }
  }

  /**
   * Notes that the session is not there any more. Its client may know why, so its fate is looked up before a new one
   * begins.
   */
  lost(): void {
    this.leave(this.sent === undefined ? none : missing)
  }

  /** Marks the session that the client named, or that this request stored, to be ended. */
  end(): void {
    const { origin, sent } = this
    const named = origin._tag === "None" || sent === undefined ? [] : sent.tokens
    const stored = this.base?.kept.token
    this.ending = [...new Set([...this.ending, ...named, ...(stored === undefined ? [] : [stored])])]
    this.leave(none)
  }

  /** Marks a session that was stored after this request had ended it to be ended as well. */
  endToo(token: string | undefined): void {
    if (token !== undefined && !this.ending.includes(token)) {
      this.ending = [...this.ending, token]
    }
  }

  /** Marks the id to be changed; if a running commit already changes it, it is changed once more. */
  renew(): void {
    this.renewing = true
    if (this.busy) {
      this.nextId = undefined
    }
  }

  /** Notes that the session may be stored under its new id, although that failed: another try needs another id. */
  retire(): void {
    this.nextId = undefined
  }

  /** Marks the session as one that somebody signs in to. If it was somebody else's, their data go. */
  beginAs(signing: SigningIn): void {
    const owner = this.base?.data.owner
    if (
      this.signing === undefined
        ? owner !== undefined && owner.principal !== signing.register
        : this.signing.register !== signing.register
    ) {
      this.record(clear)
    }
    this.renew()
    this.signing = signing
  }

  /** Notes that the sessions that were to end have ended. */
  ended(): void {
    this.ending = []
  }

  private leave(origin: Origin): void {
    this.epoch++
    this.offer = undefined
    this.discard()
    this.origin = origin
    this.show(undefined)
  }

  private forgetId(): void {
    this.renewing = false
    this.signing = undefined
    this.nextId = undefined
  }

  private show(base: Base | undefined): void {
    this.changes.show(base?.data.values)
  }
}
