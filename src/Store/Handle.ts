/**
 * What a store's Tag gives to a handler: typed operations over a session's untyped values.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { SessionError } from "../SessionError.js"
import type { FieldCodec, SessionCodec } from "./Codec.js"
import type { Any, Fields, Got, Session, SessionId, Value } from "./SessionStore.js"
import { toField } from "./SessionStore.js"

/** The values of a session, which an operation changes. */
export type Draft = Record<string, unknown>

/**
 * One logged change. It runs on the values that this request sees, and again, at the commit, on the values that are stored by
 * then. So it reads what it needs from the draft and touches nothing else; it answers why it could not be done.
 */
export type Operation = (draft: Draft) => SessionError | undefined

/** The session behind the handles of one request: one for all of its stores. */
export interface SessionCell {
  /** The values as this request sees them, read on first use. */
  readonly values: Effect.Effect<Readonly<Draft>, SessionError>
  /** Logs a change. */
  readonly apply: (operation: Operation) => Effect.Effect<void, SessionError>
  readonly id: Effect.Effect<SessionId, SessionError>
  readonly isNew: Effect.Effect<boolean, SessionError>
  readonly regenerate: Effect.Effect<void, SessionError>
  readonly destroy: Effect.Effect<void, SessionError>
  readonly save: Effect.Effect<void, SessionError>
  readonly touch: Effect.Effect<void, SessionError>
  /** Reports a stored value that its field could not read, and that was dropped. */
  readonly dropped: (key: string) => void
}

/** A field compiled for a codec. */
export interface BoundField {
  readonly key: string
  readonly codec: FieldCodec<any>
  readonly default: (() => unknown) | undefined
  readonly migrate: ((stored: unknown) => unknown) | undefined
  readonly invalid: SessionError
}

/** A store's fields compiled for a codec. */
export type BoundFields = ReadonlyMap<string, BoundField>

/** Compiles a store's fields. Done once per store and manager. */
export const bind = (store: Any, codec: SessionCodec): BoundFields =>
  new Map(
    Object.entries(store.fields).map(([name, declared]) => {
      const field = toField(declared)
      return [
        name,
        {
          key: codec.key(store.key, name),
          codec: codec.field(field.schema),
          default: field.default,
          migrate: field.migrate,
          invalid: new SessionError({
            reason: "InvalidValue",
            // The type alone: what was given may be a secret.
            message: `${store.key}.${name}: the value is not what the field stores: ${String(field.schema.ast)}`
          })
        }
      ]
    })
  )

const read = (field: BoundField, draft: Readonly<Draft>, cell: SessionCell): Option.Option<unknown> => {
  if (!Object.hasOwn(draft, field.key)) {
    return Option.none()
  }
  const stored = draft[field.key]
  const decoded = field.codec.decode(stored)
  if (Either.isRight(decoded)) {
    return Option.some(decoded.right)
  }
  const migrated = field.migrate === undefined ? decoded : field.codec.decode(field.migrate(stored))
  if (Either.isRight(migrated)) {
    return Option.some(migrated.right)
  }
  cell.dropped(field.key)
  return Option.none()
}

const got = (field: BoundField, value: Option.Option<unknown>): unknown =>
  field.default === undefined ? value : Option.getOrElse(value, field.default)

/** @internal */
export class Handle<F extends Fields> implements Session<F> {
  constructor(
    private readonly cell: SessionCell,
    private readonly fields: BoundFields
  ) {}

  // Functions that are made when they are asked for: a handler can take them apart (`const { get, set } = yield* AppSession`), and
  // a request that does not use its session pays for none.
  get get(): Session<F>["get"] {
    return <K extends keyof F & string>(key: K) => {
      const field = this.fields.get(key)!
      return Effect.map(this.cell.values, (values) => got(field, read(field, values, this.cell)) as Got<F[K]>)
    }
  }

  get set(): Session<F>["set"] {
    return (key, value) =>
      Effect.suspend(() => {
        const field = this.fields.get(key)!
        const encoded = field.codec.encode(value)
        return Either.isLeft(encoded)
          ? Effect.fail(field.invalid)
          : this.cell.apply((draft) => {
              draft[field.key] = encoded.right
              return undefined
            })
      })
  }

  get delete(): Session<F>["delete"] {
    return (key) => this.cell.apply(deletion([this.fields.get(key)!]))
  }

  get update(): Session<F>["update"] {
    return (key, f) => this.change(key, f, Effect.void)
  }

  get updateAndSave(): Session<F>["updateAndSave"] {
    return (key, f) => this.change(key, f, this.cell.save)
  }

  get take(): Session<F>["take"] {
    return <K extends keyof F & string>(key: K) => {
      const field = this.fields.get(key)!
      return Effect.flatMap(this.cell.values, (values): Effect.Effect<Option.Option<Value<F[K]>>, SessionError> => {
        const value = read(field, values, this.cell) as Option.Option<Value<F[K]>>
        return Option.isNone(value) ? Effect.succeed(value) : Effect.as(this.cell.apply(deletion([field])), value)
      })
    }
  }

  get flush(): Effect.Effect<void, SessionError> {
    return this.cell.apply(deletion([...this.fields.values()]))
  }

  get id(): Effect.Effect<SessionId, SessionError> {
    return this.cell.id
  }

  get isNew(): Effect.Effect<boolean, SessionError> {
    return this.cell.isNew
  }

  get regenerate(): Effect.Effect<void, SessionError> {
    return this.cell.regenerate
  }

  get destroy(): Effect.Effect<void, SessionError> {
    return this.cell.destroy
  }

  get save(): Effect.Effect<void, SessionError> {
    return this.cell.save
  }

  get touch(): Effect.Effect<void, SessionError> {
    return this.cell.touch
  }

  private change<K extends keyof F & string>(
    key: K,
    f: (current: Got<F[K]>) => Value<F[K]>,
    then: Effect.Effect<void, SessionError>
  ): Effect.Effect<Value<F[K]>, SessionError> {
    const field = this.fields.get(key)!
    // Read first: the answer is computed from the value that is there.
    return Effect.flatMap(this.cell.values, () => {
      let latest: Value<F[K]>
      const operation: Operation = (draft) => {
        const value = f(got(field, read(field, draft, this.cell)) as Got<F[K]>)
        const encoded = field.codec.encode(value)
        if (Either.isLeft(encoded)) {
          return field.invalid
        }
        latest = value
        draft[field.key] = encoded.right
        return undefined
      }
      return Effect.map(Effect.zipRight(this.cell.apply(operation), then), () => latest)
    })
  }
}

const deletion =
  (fields: ReadonlyArray<BoundField>): Operation =>
  (draft) => {
    for (const field of fields) {
      delete draft[field.key]
    }
    return undefined
  }
