/**
 * The value of a store's Tag in a handler: typed operations over a session's untyped values.
 */
import { errorOf, valueOf } from "#dialect/result"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Inspectable from "#effect/Inspectable"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import type { SessionError } from "../SessionError.js"
import {
  type BoundField,
  type BoundFields,
  type Draft,
  encode,
  invalidValue,
  orDefault,
  read,
  remove,
  store
} from "./BoundField.js"
import type { Fields, Got, Session, SessionId, SignInOptions, Value } from "./SessionStore.js"

export { type BoundFields, bind, type Draft } from "./BoundField.js"

/**
 * One logged change. It runs on the values that this request sees, and again, at the commit, on the values that are
 * stored by then. So it reads only from the draft and touches nothing else. It returns the reason if it cannot be done,
 * and then has changed nothing. It never throws.
 */
export type Operation = (draft: Draft) => SessionError | undefined

/** The session behind the handles of one request: one for all of its stores. */
export interface SessionCell {
  /** Goes on with the values as this request sees them, which are read on first use. */
  readonly reading: <A>(
    f: (values: Readonly<Draft>) => Effect.Effect<A, SessionError>
  ) => Effect.Effect<A, SessionError>
  /** Logs a change when it is called. */
  readonly apply: (operation: Operation) => Effect.Effect<void, SessionError>
  readonly id: Effect.Effect<SessionId, SessionError>
  readonly isNew: Effect.Effect<boolean, SessionError>
  readonly regenerate: Effect.Effect<void, SessionError>
  readonly signIn: (principal: string, options?: SignInOptions) => Effect.Effect<void, SessionError>
  readonly principal: Effect.Effect<Option.Option<string>, SessionError>
  readonly requireFresh: (within: Duration.Input) => Effect.Effect<void, SessionError>
  readonly signOut: Effect.Effect<void, SessionError>
  readonly destroy: Effect.Effect<void, SessionError>
  readonly save: Effect.Effect<void, SessionError>
  /**
   * Fails with `Unsupported` if the session cannot guarantee that only one request gets a change's result: a client
   * that holds its session can send an older one again.
   */
  readonly exclusive: Effect.Effect<void, SessionError>
  /** Fails with an error that the handle found itself, and keeps it for the log. */
  readonly fail: (error: SessionError) => Effect.Effect<never, SessionError>
  readonly keepIdle: Effect.Effect<void>
  /** Whether a browser asks for a page that its user may never see. */
  readonly isPrefetch: boolean
  readonly touch: Effect.Effect<void, SessionError>
  /** Reports a stored value that was dropped, because its field could not read it. */
  readonly dropped: (key: string) => void
}

/** @internal */
export class Handle<F extends Fields> extends Inspectable.Class implements Session<F> {
  // Private at run time too: code that walks through objects does not find the session's id and values behind a handle.
  readonly #cell: SessionCell
  readonly #fields: BoundFields

  constructor(cell: SessionCell, fields: BoundFields) {
    super()
    this.#cell = cell
    this.#fields = fields
  }

  /** The session behind a handle; undefined if this is none. */
  static cellOf(session: object): SessionCell | undefined {
    return #cell in session ? session.#cell : undefined
  }

  /** The form of a handle in logs, `console.log` and JSON. */
  override toJSON(): unknown {
    return { _id: "effect-session/Session", store: this.#fields.store }
  }

  // Getters that make functions on demand: a handler can destructure them (`const { get, set } = yield* AppSession`),
  // and a request that does not use its session pays nothing.
  get get(): Session<F>["get"] {
    return <K extends keyof F & string>(key: K) => {
      const field = this.#field(key)
      return this.#cell.reading((values) =>
        Effect.succeed(orDefault(field, read(field, values, this.#cell)) as Got<F[K]>)
      )
    }
  }

  get set(): Session<F>["set"] {
    return (key, value) =>
      Effect.suspend(() => {
        const field = this.#field(key)
        const encoded = encode(field, value)
        return Result.isFailure(encoded)
          ? this.#cell.fail(errorOf(encoded))
          : this.#cell.apply((draft) => store(field, draft, valueOf(encoded)))
      })
  }

  get delete(): Session<F>["delete"] {
    return (key) => {
      const fields = [this.#field(key)]
      return Effect.suspend(() => this.#cell.apply((draft) => remove(fields, draft)))
    }
  }

  get update(): Session<F>["update"] {
    return (key, f) => this.#change(key, f, Effect.void)
  }

  get updateAndSave(): Session<F>["updateAndSave"] {
    return (key, f) => Effect.andThen(this.#cell.exclusive, this.#change(key, f, this.#cell.save))
  }

  get take(): Session<F>["take"] {
    return (key) =>
      this.#cell.isPrefetch
        ? this.#cell.reading((values) => Effect.succeed(this.#stored(key, values)))
        : this.#take(key, Effect.void)
  }

  get takeAndSave(): Session<F>["takeAndSave"] {
    return (key) => Effect.andThen(this.#cell.exclusive, this.#take(key, this.#cell.save))
  }

  get flush(): Effect.Effect<void, SessionError> {
    return Effect.suspend(() => this.#cell.apply((draft) => remove(this.#fields.byName.values(), draft)))
  }

  get id(): Effect.Effect<SessionId, SessionError> {
    return this.#cell.id
  }

  get isNew(): Effect.Effect<boolean, SessionError> {
    return this.#cell.isNew
  }

  get regenerate(): Effect.Effect<void, SessionError> {
    return this.#cell.regenerate
  }

  get signIn(): Session<F>["signIn"] {
    return (principal, options) => this.#cell.signIn(principal, options)
  }

  get principal(): Effect.Effect<Option.Option<string>, SessionError> {
    return this.#cell.principal
  }

  get requireFresh(): Session<F>["requireFresh"] {
    return (within) => this.#cell.requireFresh(within)
  }

  get signOut(): Effect.Effect<void, SessionError> {
    return this.#cell.signOut
  }

  get destroy(): Effect.Effect<void, SessionError> {
    return this.#cell.destroy
  }

  get save(): Effect.Effect<void, SessionError> {
    return this.#cell.save
  }

  get keepIdle(): Effect.Effect<void> {
    return this.#cell.keepIdle
  }

  get touch(): Effect.Effect<void, SessionError> {
    return this.#cell.touch
  }

  #field(key: string): BoundField {
    return this.#fields.byName.get(key)!
  }

  #change<K extends keyof F & string>(
    key: K,
    f: (current: Got<F[K]>) => Value<F[K]>,
    then: Effect.Effect<void, SessionError>
  ): Effect.Effect<Value<F[K]>, SessionError> {
    const cell = this.#cell
    const field = this.#field(key)
    // Read first: the result is computed from the value that is there.
    return cell.reading(() => {
      let latest: Value<F[K]>
      let thrown: { readonly defect: unknown } | undefined
      const operation: Operation = (draft) => {
        try {
          latest = f(orDefault(field, read(field, draft, cell)) as Got<F[K]>)
        } catch (defect) {
          thrown = { defect }
          return threw(field)
        }
        const encoded = encode(field, latest)
        return Result.isFailure(encoded) ? errorOf(encoded) : store(field, draft, valueOf(encoded))
      }
      // An operation that threw was not logged. The app's own mistake becomes a defect, with its stack.
      const applied = Effect.catchEager(cell.apply(operation), (error) =>
        thrown === undefined ? Effect.fail(error) : Effect.die(thrown.defect)
      )
      return Effect.mapEager(
        Effect.flatMapEager(applied, () => then),
        () => latest
      )
    })
  }

  #stored<K extends keyof F & string>(key: K, values: Readonly<Draft>): Option.Option<Value<F[K]>> {
    return read(this.#field(key), values, this.#cell) as Option.Option<Value<F[K]>>
  }

  #take<K extends keyof F & string>(
    key: K,
    then: Effect.Effect<void, SessionError>
  ): Effect.Effect<Option.Option<Value<F[K]>>, SessionError> {
    const cell = this.#cell
    const field = this.#field(key)
    return cell.reading((values) => {
      let taken = this.#stored(key, values)
      if (Option.isNone(taken)) {
        // Nothing to delete, and nothing to save.
        return Effect.succeed(taken)
      }
      const operation: Operation = (draft) => {
        // Read again, because another request may have taken it since.
        taken = this.#stored(key, draft)
        return Option.isSome(taken) ? remove([field], draft) : undefined
      }
      return Effect.mapEager(
        Effect.flatMapEager(cell.apply(operation), () => then),
        () => taken
      )
    })
  }
}

/** The session behind a handle; undefined if something else implements its interface. @internal */
export const cellOf = (session: Session<any>): SessionCell | undefined => Handle.cellOf(session)

/** The error for a function that throws in a replay, when there is no call left to fail with a defect. */
const threw = ({ name }: BoundField): SessionError =>
  invalidValue(name, "the function of an update, or the field's default, threw on the value that is stored now")
