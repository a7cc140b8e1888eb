/**
 * A provider over any store of keys and bytes that has a compare-and-swap: what memcached and Couchbase share. A value carries its
 * session's expiry, to the millisecond, and its revision, which a touch keeps although it changes the store's own token.
 */
import { randomBytes } from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SessionError, tooLarge, unavailable } from "../../SessionError.js"
import * as Provider from "../Provider.js"

/** A value as the store has it, with the token that the next change has to name. */
export interface Item<Token> {
  readonly value: Buffer
  readonly token: Token
}

/** What became of a change: `changed` and `gone` say why it was not made. */
export type Change = "done" | "changed" | "gone"

/**
 * The store. It may keep a value longer than `ttl`, never shorter. `operation` is for errors.
 */
export interface CasStore<Token> {
  readonly name: string
  readonly capabilities: Provider.Capabilities
  readonly get: (operation: string, key: string) => Effect.Effect<Item<Token> | undefined, SessionError>
  /** Answers false where the key is taken. */
  readonly add: (
    operation: string,
    key: string,
    value: Buffer,
    ttl: Duration.Duration
  ) => Effect.Effect<boolean, SessionError>
  readonly replace: (
    operation: string,
    key: string,
    value: Buffer,
    ttl: Duration.Duration,
    token: Token
  ) => Effect.Effect<Change, SessionError>
  readonly removeAt: (operation: string, key: string, token: Token) => Effect.Effect<Change, SessionError>
  readonly remove: (operation: string, key: string) => Effect.Effect<void, SessionError>
}

// A value is: 1 byte of format, 8 bytes of expiry (milliseconds, a double), 12 characters of revision, the payload.
const format = 1
const revisionAt = 9
const payloadAt = 21

/** By how many bytes a value is larger than its payload. */
export const overhead = payloadAt

const encode = (payload: Uint8Array, expiresAt: number, revision: string): Buffer => {
  const value = Buffer.allocUnsafe(payloadAt + payload.length)
  value[0] = format
  value.writeDoubleBE(expiresAt, 1)
  value.write(revision, revisionAt, "latin1")
  value.set(payload, payloadAt)
  return value
}

interface Entry<Token> {
  readonly token: Token
  readonly stored: Provider.Stored
}

interface Known<Token> {
  readonly _tag: "Known"
  readonly token: Token
}

/** What is not a session of this format counts as one that has expired. */
const decode = <Token>({ token, value }: Item<Token>): Entry<Token> => {
  const valid = value.length >= payloadAt && value[0] === format
  return {
    token,
    stored: {
      expiresAt: valid ? value.readDoubleBE(1) : 0,
      revision: value.toString("latin1", revisionAt, payloadAt) as Provider.Revision,
      payload: value.subarray(payloadAt)
    }
  }
}

const newRevision = (): string => randomBytes(9).toString("base64url")

/** How often an operation starts again because other requests changed the session under it. Each time one of them got done. */
const maxAttempts = 100

/** How many of the sessions read last can be written without asking for their token again. */
const maxTokens = 4096

export const make = <Token>(store: CasStore<Token>, prefix: string): Provider.Provider => {
  const { maxPayload } = store.capabilities
  const tokens = new Map<string, { readonly token: Token; readonly revision: string; readonly expiresAt: number }>()

  const remember = (key: string, { stored: { expiresAt, revision }, token }: Entry<Token>): void => {
    tokens.delete(key)
    tokens.set(key, { token, revision, expiresAt })
    if (tokens.size > maxTokens) {
      tokens.delete(tokens.keys().next().value!)
    }
  }

  /** Keys have up to 250 bytes, without spaces and control characters; no session can have another. */
  const keyOf = (id: Provider.StoredId): string | undefined => {
    const key = prefix + id
    return key.length <= 250 && /^[!-~]+$/.test(key) ? key : undefined
  }

  const badId = Effect.fail(
    new SessionError({
      reason: "Unsupported",
      message: `${store.name}: an id has at most 250 bytes with its prefix, all of them visible ASCII characters`
    })
  )

  const withNow = <A>(f: (now: number) => Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
    Effect.clockWith((clock) => f(clock.unsafeCurrentTimeMillis()))

  /** A new value for a payload, once it is known to fit. */
  const withValue = <A>(
    payload: Uint8Array,
    ttl: Duration.Duration,
    f: (value: Buffer, written: Provider.Written) => Effect.Effect<A, SessionError>
  ): Effect.Effect<A, SessionError> =>
    payload.length > maxPayload
      ? Effect.fail(tooLarge(store.name, payload.length, maxPayload))
      : withNow((now) => {
          const written = Provider.written(newRevision(), now + Duration.toMillis(ttl))
          return f(encode(payload, written.expiresAt, written.revision), written)
        })

  const live = (operation: string, key: string): Effect.Effect<Entry<Token> | undefined, SessionError> =>
    Effect.flatMap(store.get(operation, key), (item) =>
      withNow((now) => {
        const entry = item === undefined ? undefined : decode(item)
        return Effect.succeed(entry !== undefined && entry.stored.expiresAt > now ? entry : undefined)
      })
    )

  const find = (operation: string, id: Provider.StoredId): Effect.Effect<Entry<Token> | undefined, SessionError> => {
    const key = keyOf(id)
    return key === undefined ? Effect.succeed(undefined) : live(operation, key)
  }

  /** Starts again as long as `step` answers undefined: someone else was faster. */
  const untilDone = <A>(
    operation: string,
    step: Effect.Effect<A | undefined, SessionError>,
    attempt = 1
  ): Effect.Effect<A, SessionError> =>
    Effect.flatMap(step, (result) =>
      result !== undefined
        ? Effect.succeed(result)
        : attempt < maxAttempts
          ? untilDone(operation, step, attempt + 1)
          : Effect.fail(unavailable(store.name, operation, "other requests keep changing the session"))
    )

  /** Adds a value; in place of one that has expired, and that the store is not done with. */
  const add = (
    operation: string,
    key: string,
    value: Buffer,
    ttl: Duration.Duration
  ): Effect.Effect<boolean, SessionError> =>
    untilDone(
      operation,
      Effect.flatMap(store.add(operation, key, value, ttl), (added) =>
        added
          ? Effect.succeed(true)
          : Effect.flatMap(store.get(operation, key), (item) =>
              withNow<boolean | undefined>((now) =>
                item === undefined
                  ? Effect.succeed(undefined)
                  : decode(item).stored.expiresAt > now
                    ? Effect.succeed(false)
                    : Effect.map(store.replace(operation, key, value, ttl, item.token), (change) =>
                        change === "done" ? true : undefined
                      )
              )
            )
      )
    )

  /**
   * The token for a change of the session at `revision`. A remembered one saves a round trip; where a touch or a write has made it
   * old, the store refuses it, and the next attempt asks.
   */
  const tokenAt = (
    operation: string,
    key: string,
    revision: Provider.Revision
  ): Effect.Effect<Known<Token> | Provider.Conflict | Provider.Gone, SessionError> =>
    withNow((now) => {
      const known = tokens.get(key)
      tokens.delete(key)
      return known !== undefined && known.revision === revision && known.expiresAt > now
        ? Effect.succeed<Known<Token>>({ _tag: "Known", token: known.token })
        : Effect.map(live(operation, key), (entry) =>
            entry === undefined
              ? Provider.gone
              : entry.stored.revision === revision
                ? { _tag: "Known", token: entry.token }
                : Provider.conflict(entry.stored)
          )
    })

  /** Changes the session where it lives and is at `revision`. */
  const changeAt = <A>(
    operation: string,
    key: string,
    revision: Provider.Revision,
    change: (token: Token) => Effect.Effect<Change, SessionError>,
    done: A
  ): Effect.Effect<A | Provider.Conflict | Provider.Gone, SessionError> =>
    untilDone<A | Provider.Conflict | Provider.Gone>(
      operation,
      Effect.flatMap(tokenAt(operation, key, revision), (at) =>
        at._tag === "Known"
          ? Effect.map(change(at.token), (result) => afterChange(result, done))
          : Effect.succeed<A | Provider.Conflict | Provider.Gone | undefined>(at)
      )
    )

  return {
    name: store.name,
    capabilities: store.capabilities,
    read: (id) =>
      Effect.map(find("read", id), (entry) => {
        if (entry === undefined) {
          return Option.none()
        }
        remember(prefix + id, entry)
        return Option.some(entry.stored)
      }),
    create: (id, payload, ttl) => {
      const key = keyOf(id)
      return key === undefined
        ? badId
        : withValue(payload, ttl, (value, written) =>
            Effect.map(add("create", key, value, ttl), (added) => (added ? written : Provider.exists))
          )
    },
    write: (id, payload, ttl, revision) => {
      const key = keyOf(id)
      return key === undefined
        ? Effect.succeed(Provider.gone)
        : withValue(payload, ttl, (value, written) =>
            changeAt("write", key, revision, (token) => store.replace("write", key, value, ttl, token), written)
          )
    },
    // Not by the store's own touch: the expiry is in the value. The compare-and-swap neither undoes a write nor brings one back.
    touch: (id, ttl) =>
      untilDone(
        "touch",
        Effect.flatMap(find("touch", id), (entry) =>
          entry === undefined
            ? Effect.succeed(Provider.gone)
            : withNow<Provider.Touched | Provider.Gone | undefined>((now) => {
                const { payload, revision } = entry.stored
                const touched = Provider.touched(now + Duration.toMillis(ttl))
                const value = encode(payload, touched.expiresAt, revision)
                return Effect.map(store.replace("touch", prefix + id, value, ttl, entry.token), (result) =>
                  afterChange(result, touched)
                )
              })
        )
      ),
    exists: (id) => Effect.map(find("exists", id), (entry) => entry !== undefined),
    destroy: (id) => {
      const key = keyOf(id)
      return key === undefined ? Effect.void : store.remove("destroy", key)
    },
    // The successor is stored first, under an id that nobody knows. The removal of the old session, at its revision, is the commit:
    // who dies before it leaves the session as it was, and who dies after it leaves the old id dead.
    regenerate: (oldId, newId, payload, ttl, revision) => {
      const oldKey = keyOf(oldId)
      const newKey = keyOf(newId)
      if (oldKey === undefined) {
        return Effect.succeed(Provider.gone)
      }
      return newKey === undefined
        ? badId
        : withValue(payload, ttl, (value, written) =>
            Effect.flatMap(add("regenerate", newKey, value, ttl), (added) =>
              added
                ? Effect.tap(
                    changeAt(
                      "regenerate",
                      oldKey,
                      revision,
                      (token) => store.removeAt("regenerate", oldKey, token),
                      written
                    ),
                    (result) =>
                      result._tag === "Written" ? Effect.void : Effect.ignore(store.remove("regenerate", newKey))
                  )
                : Effect.fail(unavailable(store.name, "regenerate", "the new id is taken"))
            )
          )
    }
  }
}

const afterChange = <A>(change: Change, done: A): A | Provider.Gone | undefined =>
  change === "done" ? done : change === "gone" ? Provider.gone : undefined
