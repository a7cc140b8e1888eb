/**
 * What one request knows of its session and wants of it. A change that touches more than one field is a method here, so that each state
 * that it can be in is told here.
 */
import * as Duration from "effect/Duration"
import type { SessionError } from "../SessionError.js"
import type { SessionData } from "../Store/Codec.js"
import type { Draft, Operation } from "../Store/Handle.js"
import type { Environment } from "./Environment.js"
import type { Found, Reply, Sent } from "./Keeper.js"
import type { Base } from "./Outcome.js"
import { Line } from "./Turns.js"

/**
 * What this request knows of the session that its client named:
 *
 * - `Unread`: nothing yet.
 * - `None`: there is none; what is written begins one. The client named none, or this request ended it.
 * - `Missing`: the client named one that is not there. Before one is begun, its fate is asked.
 * - `Ambiguous`: the client named two that are both there. Which one is the visitor's nobody can tell, so neither is used.
 * - `Live`: it was read, or stored by this request.
 */
export type Origin =
  | { readonly _tag: "Unread" | "None" | "Missing" | "Ambiguous" }
  | { readonly _tag: "Live"; readonly base: Base }

const unread: Origin = { _tag: "Unread" }
const none: Origin = { _tag: "None" }
const missing: Origin = { _tag: "Missing" }

/**
 * Whether changes can still reach the client: `open` until the response is made, then `closed`. On a `socket` (a WebSocket, or a
 * session opened outside a request) there is no response: data can be saved, but no new id can be told.
 */
export type Stage = "open" | "closed" | "socket"

export class RequestState {
  stage: Stage = "open"
  origin: Origin = unread
  /** The changes that are not stored yet. */
  log: Array<Operation> = []
  /** Whether the id is to be changed. */
  renewing = false
  /** Whether the lifetime is to be renewed whatever `touchEvery` says. */
  touching = false
  /** Grows when the session ends or is lost: what was begun before knows that it is about another one. */
  epoch = 0
  /** The tokens of the sessions to end. */
  ending: ReadonlyArray<string> = []
  /** What the client has to be told. */
  reply: Reply | undefined = undefined
  /** When the session was read, in milliseconds since the epoch. */
  readAt = 0
  /** A part of one by which this request renews the lifetime later than others, so that they do not do so all at once. */
  jitter = 0

  /** Those of the base itself until the first change. */
  private draft: Draft = {}
  private draftIsOwn = true
  private ownLine: Line | undefined = undefined
  private nextId: string | undefined = undefined
  /** Why a logged change no longer fits what was stored meanwhile. */
  private misfit: SessionError | undefined = undefined

  /** `sent` is what the client sent, checked for its form; nothing else is known of it. */
  constructor(
    readonly env: Environment,
    readonly sent: Sent | undefined
  ) {}

  /** Reads and commits of this request's fibers go one after the other. */
  get line(): Line {
    this.ownLine ??= new Line(this.env.patience)
    return this.ownLine
  }

  /** Whether a read or commit of this request is under way. */
  get busy(): boolean {
    return this.ownLine?.idle === false
  }

  /** The stored session, if it was read and is there. */
  get base(): Base | undefined {
    return this.origin._tag === "Live" ? this.origin.base : undefined
  }

  /** The values as this request sees them. */
  get view(): Readonly<Draft> {
    return this.draft
  }

  /** Whether there is something to save. */
  get changed(): boolean {
    return this.log.length > 0 || this.renewing || this.ending.length > 0
  }

  /**
   * How long the browser keeps the cookie, in milliseconds, if for a time of its own: it is to be renewed along with the session. Not if
   * the id came by other means, or another app sends the cookie.
   */
  get cookieLifetime(): number | undefined {
    const { cookie } = this.env.config
    const isOwn = this.sent === undefined || this.sent.via === "cookie"
    return cookie !== false && cookie.sent && cookie.maxAge !== undefined && isOwn
      ? Duration.toMillis(cookie.maxAge)
      : undefined
  }

  /** The id that the session gets, if it gets one. */
  get successorId(): string {
    this.nextId ??= this.env.keeper.makeId(this.base?.kept)
    return this.nextId
  }

  /** How long the session may live from `now` on, in milliseconds: idle, but never past its absolute end. */
  lifetime(data: SessionData, now: number): number {
    const { absoluteTimeout, idleTimeout } = this.env.config
    const idle = Duration.toMillis(idleTimeout)
    return data.createdAt === undefined
      ? idle
      : Math.min(idle, data.createdAt + Duration.toMillis(absoluteTimeout) - now)
  }

  /** What a keeper found, decoded; undefined, and reported, if it is not a session. */
  understand({ kept, payload }: Found): Base | undefined {
    const data = this.env.codec.decode(payload)
    if (data === undefined) {
      this.env.telemetry.dropped(kept.ref)
      return undefined
    }
    return { kept, data }
  }

  /** The session was read; or not, if this request ended it while it was being read. */
  read(origin: Origin, now: number): void {
    if (this.origin._tag === "Unread") {
      this.readAt = now
      this.jitter = Math.random()
      this.origin = origin
      this.show(this.base)
    }
  }

  /** Logs a change, and answers why it cannot be made. */
  record(operation: Operation): SessionError | undefined {
    const error = this.origin._tag === "Unread" ? undefined : operation(this.ownDraft)
    if (error === undefined) {
      this.log.push(operation)
    }
    return error
  }

  /** The values with all logged changes applied to `base`, or why one cannot be applied to it. */
  replay(base: Base | undefined): Draft | SessionError {
    if (base === this.base) {
      // They have been applied to this very base already.
      return this.misfit ?? { ...this.draft }
    }
    const values = { ...base?.data.values }
    for (const operation of this.log) {
      const error = operation(values)
      if (error !== undefined) {
        return error
      }
    }
    return values
  }

  /** The session is stored, with the first `count` changes in it; `renewed` is the id that it got, if it got one. */
  stored(base: Base, count: number, renewed: string | undefined): void {
    this.log = this.log.slice(count)
    if (renewed !== undefined && renewed === this.nextId) {
      this.forgetId()
    }
    this.origin = { _tag: "Live", base }
    this.show(base)
  }

  /** The session's lifetime was renewed. */
  touched(base: Base): void {
    this.touching = false
    this.origin = { _tag: "Live", base }
  }

  /** The first `count` changes are stored, in a session that this request must not see. */
  carried(count: number): void {
    this.log = this.log.slice(count)
  }

  /** Drops what this request wanted to change, but not what it wanted to end. */
  discard(): void {
    this.log = []
    this.touching = false
    this.forgetId()
    this.show(this.base)
  }

  /** There is nothing to store yet. If a new id was asked for, what comes begins a session, whatever became of the one before. */
  nothingToBegin(): void {
    if (this.renewing) {
      this.leave(none)
    } else {
      this.discard()
    }
  }

  /** The session is not there any more, for a reason of which its client may know more. */
  lost(): void {
    this.leave(this.sent === undefined ? none : missing)
  }

  /** The session that the client named, or that this request stored, is to end. */
  end(): void {
    const { origin, sent } = this
    const named = origin._tag === "None" || sent === undefined ? [] : sent.tokens
    const stored = this.base?.kept.token
    this.ending = [...new Set([...this.ending, ...named, ...(stored === undefined ? [] : [stored])])]
    this.leave(none)
  }

  /** A session that was stored although this request had ended it is to end as well. */
  endToo(token: string | undefined): void {
    if (token !== undefined && !this.ending.includes(token)) {
      this.ending = [...this.ending, token]
    }
  }

  /** The id is to be changed; once more, if a commit that is under way changes it already. */
  renew(): void {
    this.renewing = true
    if (this.busy) {
      this.nextId = undefined
    }
  }

  /** What was to end has ended. */
  ended(): void {
    this.ending = []
  }

  private leave(origin: Origin): void {
    this.epoch++
    this.discard()
    this.origin = origin
    this.show(undefined)
  }

  private forgetId(): void {
    this.renewing = false
    this.nextId = undefined
  }

  private get ownDraft(): Draft {
    if (!this.draftIsOwn) {
      this.draft = { ...this.draft }
      this.draftIsOwn = true
    }
    return this.draft
  }

  /** Shows what is stored, with this request's changes on top of it. */
  private show(base: Base | undefined): void {
    this.draft = base === undefined ? {} : base.data.values
    this.draftIsOwn = base === undefined
    this.misfit = undefined
    for (const operation of this.log) {
      this.misfit ??= operation(this.ownDraft)
    }
  }
}
