/**
 * A provider over any store of keys and bytes that has a compare-and-swap: what memcached and Couchbase share. A value carries its
 * session's expiry, to the millisecond, and its revision, which a touch keeps although it changes the store's own token. The mark that a
 * session leaves is put in its own place.
 */
import { randomBytes } from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SessionError, tooLarge, unavailable } from "../../SessionError.js"
import * as Provider from "../Provider.js"
import { decode, type Entry, encode, type Item, markFormat } from "./casValue.js"

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

interface Known<Token> {
  readonly _tag: "Known"
  readonly token: Token
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

  /** The live session at a key, or the live mark. */
  const live = (operation: string, key: string, mark = false): Effect.Effect<Entry<Token> | undefined, SessionError> =>
    Effect.flatMap(store.get(operation, key), (item) =>
      withNow((now) => {
        const entry = item === undefined ? undefined : decode(item)
        return Effect.succeed(
          entry !== undefined && entry.isMark === mark && entry.stored.expiresAt > now ? entry : undefined
        )
      })
    )

  const find = (
    operation: string,
    id: Provider.StoredId,
    mark?: boolean
  ): Effect.Effect<Entry<Token> | undefined, SessionError> => {
    const key = keyOf(id)
    return key === undefined ? Effect.succeed(undefined) : live(operation, key, mark)
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
   * The token for a change of the session at `revision`, or at any. A remembered one saves a round trip; where a touch or a write has
   * made it old, the store refuses it, and the next attempt asks.
   */
  const tokenAt = (
    operation: string,
    key: string,
    revision: Provider.Revision | undefined
  ): Effect.Effect<Known<Token> | Provider.Conflict | Provider.Gone, SessionError> =>
    withNow((now) => {
      const known = tokens.get(key)
      tokens.delete(key)
      return known !== undefined && (revision ?? known.revision) === known.revision && known.expiresAt > now
        ? Effect.succeed<Known<Token>>({ _tag: "Known", token: known.token })
        : Effect.map(live(operation, key), (entry) =>
            entry === undefined
              ? Provider.gone
              : (revision ?? entry.stored.revision) === entry.stored.revision
                ? { _tag: "Known", token: entry.token }
                : Provider.conflict(entry.stored)
          )
    })

  /** Changes the session where it lives and is at `revision`, or at any. */
  const changeAt = <A>(
    operation: string,
    key: string,
    revision: Provider.Revision | undefined,
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

  /** Ends a session: by the compare-and-swap that puts its mark in its place, or removes it. */
  const end = (
    operation: string,
    key: string,
    token: Token,
    mark: Provider.Mark | undefined
  ): Effect.Effect<Change, SessionError> =>
    mark === undefined
      ? store.removeAt(operation, key, token)
      : withNow((now) => {
          const value = encode(mark.content, now + Duration.toMillis(mark.ttl), newRevision(), markFormat)
          return store.replace(operation, key, value, mark.ttl, token)
        })

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
    // Not by the store's own removal, which would take a mark away too.
    destroy: (id, mark) => {
      const key = keyOf(id)
      return key === undefined
        ? Effect.void
        : Effect.asVoid(changeAt("destroy", key, undefined, (token) => end("destroy", key, token, mark), Provider.gone))
    },
    // The successor is stored first, under an id that nobody knows. The end of the old session, at its revision, is the commit:
    // who dies before it leaves the session as it was, and who dies after it leaves the old id dead.
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) => {
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
                      (token) => end("regenerate", oldKey, token, mark),
                      written
                    ),
                    (result) =>
                      result._tag === "Written" ? Effect.void : Effect.ignore(store.remove("regenerate", newKey))
                  )
                : Effect.fail(unavailable(store.name, "regenerate", "the new id is taken"))
            )
          )
    },
    marked: (id) =>
      Effect.map(find("marked", id, true), (entry) =>
        Option.map(Option.fromNullable(entry), ({ stored }) => stored.payload)
      )
  }
}

const afterChange = <A>(change: Change, done: A): A | Provider.Gone | undefined =>
  change === "done" ? done : change === "gone" ? Provider.gone : undefined
