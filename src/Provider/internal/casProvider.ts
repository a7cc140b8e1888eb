/**
 * A provider over any key-value store that has a compare-and-swap, which memcached and Couchbase share. A value carries
 * its session's expiry, to the millisecond, and its revision, which a touch keeps although it changes the store's own
 * token. The mark that a session leaves takes the session's place.
 */
import { randomBytes } from "node:crypto"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { idTaken, keptChanging } from "../../internal/failure.js"
import { SessionError } from "../../SessionError.js"
import * as Provider from "../Provider.js"
import { decode, type Entry, encode, type Item, markFormat } from "./casValue.js"
import { Recent } from "./recent.js"
import { expiry, withNow } from "./time.js"

/** The outcome of a change. `changed` and `gone` are the reasons why it was not made. */
export type Change = "done" | "changed" | "gone"

/** A key-value store with compare-and-swap. It may keep a value longer than `ttl`, never shorter. */
export interface CasStore<Token> {
  readonly name: string
  /** The capabilities. `regenerate` is always `ordered`. */
  readonly capabilities: Provider.Capabilities
  readonly get: (key: string) => Effect.Effect<Item<Token> | undefined, unknown>
  /** Returns false if the key is taken. */
  readonly add: (key: string, value: Buffer, ttl: Duration.Duration) => Effect.Effect<boolean, unknown>
  readonly replace: (key: string, value: Buffer, ttl: Duration.Duration, token: Token) => Effect.Effect<Change, unknown>
  readonly removeAt: (key: string, token: Token) => Effect.Effect<Change, unknown>
  readonly remove: (key: string) => Effect.Effect<void, unknown>
}

/** The outcome of an attempt: a result, or `Again` if another request was faster. */
type Step<A> = Again | Done<A>

interface Again {
  readonly _tag: "Again"
}

interface Done<A> {
  readonly _tag: "Done"
  readonly answer: A
}

const again: Again = { _tag: "Again" }

const done = <A>(answer: A): Done<A> => ({ _tag: "Done", answer })

/** Turns the outcome of a change into a step, with `made` as the result if the change was made. */
const stepOf =
  <A>(made: A) =>
  (change: Change): Step<A | Provider.Gone> =>
    change === "done" ? done(made) : change === "gone" ? done(Provider.gone) : again

/**
 * How often an operation starts again because other requests changed the session meanwhile. Each time, one of them
 * succeeded.
 */
const maxAttempts = 100

const untilDone = <A>(step: Effect.Effect<Step<A>, unknown>, attempt = 1): Effect.Effect<A, unknown> =>
  Effect.flatMap(step, (result) =>
    result._tag === "Done"
      ? Effect.succeed(result.answer)
      : attempt < maxAttempts
        ? untilDone(step, attempt + 1)
        : Effect.fail(keptChanging())
  )

const newRevision = (): string => randomBytes(9).toString("base64url")

/** How many of the sessions read last can be written without reading their token again. */
const maxTokens = 4096

interface Known<Token> {
  readonly token: Token
  readonly revision: string
  readonly expiresAt: number
}

export const make = <Token>(store: CasStore<Token>, prefix: string): Provider.Provider =>
  Provider.make({
    name: store.name,
    capabilities: { ...store.capabilities, regenerate: "ordered" },
    ...under(store, prefix),
    principals: under(store, `${principals}${prefix}`)
  })

/** What the keys of the records of people have before the prefix. */
export const principals = "principals:"

/** The operations on what is kept under a prefix. */
const under = <Token>(store: CasStore<Token>, prefix: string): Provider.Calls<unknown> => {
  const tokens = new Recent<string, Known<Token>>(maxTokens)

  /** Keys have up to 250 bytes, without spaces and control characters. Ids that do not fit have no session. */
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

  /** Encodes a payload as a value with a new revision. */
  const withValue = <A>(
    payload: Uint8Array,
    ttl: Duration.Duration,
    f: (value: Buffer, written: Provider.Written) => Effect.Effect<A, unknown>
  ): Effect.Effect<A, unknown> =>
    withNow((now) => {
      const written = Provider.written(newRevision(), expiry(now, ttl))
      return f(encode(payload, written.expiresAt, written.revision), written)
    })

  /** Reads the live session at a key, or the live mark. */
  const live = (key: string, mark = false): Effect.Effect<Entry<Token> | undefined, unknown> =>
    Effect.flatMap(store.get(key), (item) =>
      withNow((now) => {
        const entry = item && decode(item)
        return Effect.succeed(entry?.isMark === mark && entry.stored.expiresAt > now ? entry : undefined)
      })
    )

  const find = (id: Provider.StoredId, mark?: boolean): Effect.Effect<Entry<Token> | undefined, unknown> => {
    const key = keyOf(id)
    return key === undefined ? Effect.succeed(undefined) : live(key, mark)
  }

  /** Adds a value, also in place of one that has expired but that the store still has. */
  const add = (key: string, value: Buffer, ttl: Duration.Duration): Effect.Effect<boolean, unknown> =>
    untilDone(
      Effect.flatMap(
        store.add(key, value, ttl),
        (added): Effect.Effect<Step<boolean>, unknown> =>
          added
            ? Effect.succeed(done(true))
            : Effect.flatMap(store.get(key), (item) =>
                withNow(
                  (now): Effect.Effect<Step<boolean>, unknown> =>
                    item === undefined
                      ? Effect.succeed(again)
                      : decode(item).stored.expiresAt > now
                        ? Effect.succeed(done(false))
                        : Effect.map(store.replace(key, value, ttl, item.token), (change) =>
                            change === "done" ? done(true) : again
                          )
                )
              )
      )
    )

  /**
   * Changes the session if it is live and at `revision`, or at any if none is given. A remembered token saves a round
   * trip. If a touch or a write has made it stale, the store refuses it, and the next attempt reads the current one.
   */
  const changeAt = <A>(
    key: string,
    revision: Provider.Revision | undefined,
    change: (token: Token) => Effect.Effect<Change, unknown>,
    made: A
  ): Effect.Effect<A | Provider.Conflict | Provider.Gone, unknown> =>
    untilDone(
      withNow((now): Effect.Effect<Step<A | Provider.Conflict | Provider.Gone>, unknown> => {
        const isMeant = (found: { readonly revision: string }) => revision === undefined || found.revision === revision
        const known = tokens.get(key)
        tokens.delete(key)
        return known !== undefined && isMeant(known) && known.expiresAt > now
          ? Effect.map(change(known.token), stepOf(made))
          : Effect.flatMap(
              live(key),
              (entry): Effect.Effect<Step<A | Provider.Conflict | Provider.Gone>, unknown> =>
                entry === undefined
                  ? Effect.succeed(done(Provider.gone))
                  : isMeant(entry.stored)
                    ? Effect.map(change(entry.token), stepOf(made))
                    : Effect.succeed(done(Provider.conflict(entry.stored)))
            )
      })
    )

  /** Ends a session with one compare-and-swap, which puts its mark in its place or removes it. */
  const ending = (key: string, mark: Provider.Mark | undefined) => (token: Token) =>
    mark === undefined
      ? store.removeAt(key, token)
      : withNow((now) => {
          const value = encode(mark.content, expiry(now, mark.ttl), newRevision(), markFormat)
          return store.replace(key, value, mark.ttl, token)
        })

  return {
    read: (id) =>
      Effect.map(find(id), (entry) => {
        if (entry === undefined) {
          return Option.none()
        }
        const { stored, token } = entry
        tokens.use(prefix + id, { token, revision: stored.revision, expiresAt: stored.expiresAt })
        return Option.some(stored)
      }),
    create: (id, payload, ttl) => {
      const key = keyOf(id)
      return key === undefined
        ? badId
        : withValue(payload, ttl, (value, written) =>
            Effect.map(add(key, value, ttl), (added) => (added ? written : Provider.exists))
          )
    },
    write: (id, payload, ttl, revision) => {
      const key = keyOf(id)
      return key === undefined
        ? Effect.succeed(Provider.gone)
        : withValue(payload, ttl, (value, written) =>
            changeAt(key, revision, (token) => store.replace(key, value, ttl, token), written)
          )
    },
    // Not with the store's own touch: the expiry is in the value. The compare-and-swap neither undoes a write nor
    // brings back a session.
    touch: (id, ttl) =>
      untilDone(
        Effect.flatMap(find(id), (entry) =>
          entry === undefined
            ? Effect.succeed(done(Provider.gone))
            : withNow((now): Effect.Effect<Step<Provider.Touched | Provider.Gone>, unknown> => {
                const { payload, revision } = entry.stored
                const touched = Provider.touched(expiry(now, ttl))
                const value = encode(payload, touched.expiresAt, revision)
                return Effect.map(store.replace(prefix + id, value, ttl, entry.token), stepOf(touched))
              })
        )
      ),
    exists: (id) => Effect.map(find(id), (entry) => entry !== undefined),
    // Not with the store's own removal, which would remove a mark too.
    destroy: (id, mark) => {
      const key = keyOf(id)
      return key === undefined ? Effect.void : Effect.asVoid(changeAt(key, undefined, ending(key, mark), Provider.gone))
    },
    // The successor is stored first, under an id that no client knows. The end of the old session, at its revision, is
    // the commit: a process that dies before it leaves the session as it was, and one that dies after it leaves the old
    // id dead.
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) => {
      const oldKey = keyOf(oldId)
      const newKey = keyOf(newId)
      if (oldKey === undefined) {
        return Effect.succeed(Provider.gone)
      }
      return newKey === undefined
        ? badId
        : withValue(payload, ttl, (value, written) =>
            Effect.flatMap(add(newKey, value, ttl), (added) =>
              added
                ? Effect.tap(changeAt(oldKey, revision, ending(oldKey, mark), written), (result) =>
                    result._tag === "Written" ? Effect.void : Effect.ignore(store.remove(newKey))
                  )
                : Effect.fail(idTaken())
            )
          )
    },
    marked: (id) => Effect.map(find(id, true), (entry) => Option.fromNullishOr(entry?.stored.payload))
  }
}
