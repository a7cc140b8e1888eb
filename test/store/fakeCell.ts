/**
 * A session without a manager: a record in memory that requests read and compare-and-set, for tests of the handle alone.
 */
import * as Effect from "#effect/Effect"
import { SessionError } from "../../src/SessionError.js"
import { json, type SessionCodec, type SessionData } from "../../src/Store/Codec.js"
import { bind, type Draft, Handle, type Operation, type SessionCell } from "../../src/Store/Handle.js"
import * as SessionStore from "../../src/Store/SessionStore.js"

export class FakeRecord {
  payload: Uint8Array | undefined = undefined
  writes = 0
  readonly dropped: Array<string> = []

  constructor(readonly codec: SessionCodec = json) {}

  get data(): SessionData {
    return (this.payload && this.codec.decode(this.payload)) ?? { createdAt: 1, values: {} }
  }

  /** One request's view. It reads at its first use. */
  open<T extends SessionStore.Any>(store: T): SessionStore.Session<T["fields"]> {
    return new Handle<T["fields"]>(new Cell(this), bind(store, this.codec))
  }
}

class Cell implements SessionCell {
  private base: SessionData | undefined
  private readAt = 0
  private draft: Draft = {}
  private operations: Array<Operation> = []

  constructor(private readonly record: FakeRecord) {}

  readonly reading = <A>(f: (values: Draft) => Effect.Effect<A, SessionError>) =>
    Effect.suspend(() => {
      if (this.base === undefined) {
        this.adopt()
      }
      return f(this.draft)
    })

  readonly apply = (operation: Operation) =>
    Effect.suspend(() => {
      const error = this.base === undefined ? undefined : operation(this.draft)
      if (error !== undefined) {
        return Effect.fail(error)
      }
      this.operations.push(operation)
      return Effect.void
    })

  /** Replays the operations onto what is stored now. */
  readonly save = Effect.suspend(() => {
    const base = this.base !== undefined && this.readAt === this.record.writes ? this.base : this.record.data
    const values = { ...base.values }
    for (const operation of this.operations) {
      const error = operation(values)
      if (error !== undefined) {
        return Effect.fail(error)
      }
    }
    const payload = this.record.codec.encode({ ...base, values })
    if (payload instanceof SessionError) {
      return Effect.fail(payload)
    }
    this.record.payload = payload
    this.record.writes++
    this.operations = []
    this.adopt()
    return Effect.void
  })

  readonly exclusive = Effect.void
  readonly fail = (error: SessionError) => Effect.fail(error)
  readonly id = Effect.succeed(SessionStore.sessionId("the-id-of-the-session"))
  readonly isNew = Effect.sync(() => this.record.payload === undefined)
  readonly regenerate = Effect.void
  readonly signIn = () => Effect.void
  readonly principal = Effect.succeedNone
  readonly requireFresh = () => Effect.void
  readonly signOut = Effect.void
  readonly destroy = Effect.void
  readonly keepIdle = Effect.void
  readonly isPrefetch = false
  readonly touch = Effect.void

  readonly dropped = (key: string) => {
    this.record.dropped.push(key)
  }

  private adopt() {
    this.base = this.record.data
    this.readAt = this.record.writes
    this.draft = { ...this.base.values }
    for (const operation of this.operations) {
      operation(this.draft)
    }
  }
}

/** A record in which `store` has stored this. */
export const stored = <T extends SessionStore.Any>(
  store: T,
  f: (session: SessionStore.Session<T["fields"]>) => Effect.Effect<unknown, SessionError>,
  codec?: SessionCodec
): Effect.Effect<FakeRecord, SessionError> =>
  Effect.suspend(() => {
    const record = new FakeRecord(codec)
    const session = record.open(store)
    return Effect.as(Effect.andThen(f(session), session.save), record)
  })
