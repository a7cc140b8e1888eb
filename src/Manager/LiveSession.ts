/**
 * One session during one request: what was read, what the handler sees, and the log of what it changed. Mutable, owned by the
 * request, shared by its stores.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Provider, Stored, StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { SessionCodec, SessionData } from "../Store/Codec.js"
import type { Draft, Operation, SessionCell } from "../Store/Handle.js"
import * as SessionStore from "../Store/SessionStore.js"
import type { Bounded, Patience } from "./Calls.js"
import { commit } from "./Commit.js"
import type { SessionConfig } from "./SessionConfig.js"
import type { Ids } from "./SessionId.js"
import { countRead, type Telemetry } from "./Telemetry.js"
import type { Reply } from "./Transport.js"
import { Line, type Turns } from "./Turns.js"

/** What all sessions of a manager share. */
export interface Environment {
  readonly config: SessionConfig
  readonly provider: Provider
  readonly codec: SessionCodec
  readonly ids: Ids
  readonly telemetry: Telemetry
  readonly turns: Turns<Known>
  /** Bounds a whole commit, as each of its calls is bounded already. */
  readonly bounded: Bounded
  /** For who waits in a line. */
  readonly patience: Patience
}

/** A stored session, as it was read or written last, and the data in it. */
export interface Known {
  /** Without its payload, which would only keep memory from being free. */
  readonly stored: Omit<Stored, "payload">
  readonly data: SessionData
}

/**
 * Whether changes can still reach the client: `open` until the headers leave, then `sent`. On a `socket` (a WebSocket, or a
 * session opened outside a request) there is no response: data can be saved, but no new id can be told.
 */
export type Phase = "open" | "sent" | "socket"

const headersSent = (what: string) =>
  Effect.fail(
    new SessionError({
      reason: "HeadersSent",
      message: `${what}: the response's headers have left. Change the session before the response is made or, in a stream, save through SessionManager.open`
    })
  )

export class LiveSession implements SessionCell {
  phase: Phase = "open"
  /** What is stored; undefined before it is read, and where there is none. */
  known: Known | undefined = undefined
  operations: Array<Operation> = []
  /** Whether the id is to be changed. */
  renewed = false
  /** Whether the lifetime is to be renewed whatever `touchEvery` says. */
  touched = false
  /** The session to end. */
  ended: StoredId | undefined = undefined
  /** What the client has to be told. */
  reply: Reply | undefined = undefined

  /** Whether the commit is registered to run before the response. */
  mounted = false
  /** Reads and commits of this request's fibers go one after the other. */
  readonly line: Line
  /** When it was read, in milliseconds since the epoch. */
  readAt = 0

  private loaded = false
  /** The values as this request sees them: those of `known` itself until the first change. */
  private draft: Draft = {}
  private draftIsOwn = true
  private nextId: string | undefined = undefined
  /** Hashing costs more than all else here, so it is done once. */
  private hashed: { readonly of: string; readonly id: StoredId } | undefined = undefined

  /** `clientId` is an id that was checked for its form; nothing else is known of it. */
  constructor(
    readonly env: Environment,
    public clientId: string | undefined
  ) {
    this.line = new Line(env.patience)
  }

  /** Whether there is something to save. */
  get changed(): boolean {
    return this.operations.length > 0 || this.renewed || this.ended !== undefined
  }

  get storedId(): StoredId | undefined {
    if (this.hashed?.of !== this.clientId) {
      this.hashed =
        this.clientId === undefined ? undefined : { of: this.clientId, id: this.env.ids.stored(this.clientId) }
    }
    return this.hashed?.id
  }

  /** The session's own id. Where clients hold the session, what they send is another, and changes with each write. */
  get ownId(): string | undefined {
    return this.known?.stored.id ?? this.clientId
  }

  /** What names the session in events. */
  get subject(): StoredId | undefined {
    const own = this.known?.stored.id
    return own === undefined ? this.storedId : this.env.ids.stored(own)
  }

  /** Reads the session, once: where several fibers of the request ask at once, one read is enough, unless it fails. */
  get load(): Effect.Effect<void, SessionError> {
    const { provider } = this.env
    return this.loaded ? Effect.void : provider.capabilities.inProcess ? this.readOnce : this.line.take(this.readOnce)
  }

  /** For who is in line already. */
  get readOnce(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => (this.loaded ? Effect.void : this.read))
  }

  private get read(): Effect.Effect<void, SessionError> {
    return Effect.clockWith((clock) => {
      const { clientId, storedId } = this
      this.readAt = clock.unsafeCurrentTimeMillis()
      if (clientId === undefined || storedId === undefined) {
        this.adopt(undefined)
        return Effect.void
      }
      return Effect.map(this.env.provider.read(storedId), (found) => {
        countRead()
        if (Option.isNone(found)) {
          this.env.telemetry.emit("Unknown", storedId)
        }
        // This request may have destroyed it while it was being read.
        if (this.clientId === clientId && !this.loaded) {
          const known = Option.isSome(found) ? this.understand(storedId, found.value) : undefined
          this.adopt(known !== undefined && this.lifetime(known.data, this.readAt) > 0 ? known : undefined)
        }
      })
    })
  }

  get values(): Effect.Effect<Readonly<Draft>, SessionError> {
    return Effect.suspend(() => (this.loaded ? Effect.succeed(this.draft) : Effect.map(this.load, () => this.draft)))
  }

  apply(operation: Operation): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => {
      if (this.phase === "sent") {
        return headersSent("change")
      }
      const error = this.loaded ? operation(this.ownDraft) : undefined
      if (error !== undefined) {
        return Effect.fail(error)
      }
      this.operations.push(operation)
      return Effect.void
    })
  }

  get id(): Effect.Effect<SessionStore.SessionId, SessionError> {
    return Effect.map(this.load, () =>
      SessionStore.sessionId(this.known === undefined || this.renewed ? this.successorId : this.ownId!)
    )
  }

  get isNew(): Effect.Effect<boolean, SessionError> {
    return Effect.map(this.load, () => this.known === undefined)
  }

  get regenerate(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => {
      if (this.phase !== "open") {
        return headersSent("regenerate")
      }
      this.renewed = true
      return Effect.void
    })
  }

  get destroy(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => {
      if (this.phase === "sent") {
        return headersSent("destroy")
      }
      this.ended = this.storedId ?? this.ended
      this.forget()
      return Effect.void
    })
  }

  get save(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => (this.phase === "sent" ? headersSent("save") : this.env.bounded(commit(this))))
  }

  get touch(): Effect.Effect<void, SessionError> {
    return Effect.map(this.load, () => {
      this.touched = true
    })
  }

  dropped(key: string): void {
    this.env.telemetry.emit("Dropped", this.subject, { field: key })
  }

  /** The id that the session gets, if it gets one. */
  get successorId(): string {
    this.nextId ??= this.env.ids.make(this.known === undefined ? undefined : this.ownId)
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

  private get ownDraft(): Draft {
    if (!this.draftIsOwn) {
      this.draft = { ...this.draft }
      this.draftIsOwn = true
    }
    return this.draft
  }

  /** Takes what is stored as the base, and shows this request's changes on top of it. */
  adopt(known: Known | undefined): void {
    this.known = known
    this.loaded = true
    this.draft = known === undefined ? {} : known.data.values
    this.draftIsOwn = known === undefined
    for (const operation of this.operations) {
      operation(this.ownDraft)
    }
  }

  /** The values with all operations applied to `base`; fails where an operation cannot be applied to it. */
  replay(base: Known | undefined): Draft | SessionError {
    if (base === this.known) {
      // They have been applied to this very base already.
      return { ...this.draft }
    }
    const values = { ...base?.data.values }
    for (const operation of this.operations) {
      const error = operation(values)
      if (error !== undefined) {
        return error
      }
    }
    return values
  }

  /** What a provider returned, decoded; undefined, and reported, where it is not a session. */
  understand(id: StoredId, stored: Stored): Known | undefined {
    const data = this.env.codec.decode(stored.payload)
    if (data === undefined) {
      this.env.telemetry.emit("Dropped", id)
      return undefined
    }
    const { expiresAt, id: ownId, revision } = stored
    return { stored: { revision, expiresAt, id: ownId }, data }
  }

  /** The session has been stored under `id`, with the first `count` operations in it. */
  saved(id: string, known: Known, count: number): void {
    this.clientId = id
    this.operations = this.operations.slice(count)
    this.renewed = false
    this.nextId = undefined
    this.adopt(known)
  }

  /** Drops what this request wanted to change, but not its destroy. */
  discard(): void {
    this.operations = []
    this.renewed = false
    this.nextId = undefined
  }

  /** There is no session any more: what comes now begins a new one. */
  forget(): void {
    this.discard()
    this.clientId = undefined
    this.adopt(undefined)
  }
}
