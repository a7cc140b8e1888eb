/**
 * A provider over a backend that keeps sessions as beego does: under the session id itself, as the bytes that beego's `EncodeGob`
 * makes, with nothing beside them. So there is no place for a revision, and what was read is compared instead: a write takes effect
 * only where the stored bytes are still those. That holds among all processes that compare; beego does not, and overwrites.
 */
import { hash } from "node:crypto"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import * as Provider from "../../Provider/Provider.js"
import { type SessionError, tooLarge, unavailable } from "../../SessionError.js"

/** What became of a change: `changed` and `gone` say why it was not made. */
export type Change = "done" | "changed" | "gone"

/** The expiry of what never expires, as beego makes it where `Maxlifetime` is 0: as far away as a Date can be. */
export const never = 8.64e15

/** A live session as the backend has it. */
export interface Found {
  readonly payload: Uint8Array
  /** In milliseconds since the epoch, as exact as beego's format is. */
  readonly expiresAt: number
}

/**
 * A backend in beego's layout. Each operation is one step as others see it. What has expired is not there, to none of them.
 * `operation` is for errors.
 */
export interface BeegoStore {
  readonly name: string
  /** In any case `regenerate` is `ordered`, and `consistency` is `compareContent`. */
  readonly capabilities: Provider.Capabilities
  /** The revision of a payload, where the backend cannot compute {@link sha1}, the default. */
  readonly revisionOf?: ((payload: Uint8Array) => Provider.Revision) | undefined
  /** Whether this can be a key at all; no session has another. */
  readonly isKey: (id: string) => boolean
  readonly get: (operation: string, id: string) => Effect.Effect<Found | undefined, SessionError>
  /** Answers when it expires, or nothing where the id is taken. */
  readonly add: (
    operation: string,
    id: string,
    payload: Uint8Array,
    ttl: Duration.Duration
  ) => Effect.Effect<number | undefined, SessionError>
  /** Answers when it expires, or why nothing was changed. */
  readonly replace: (
    operation: string,
    id: string,
    payload: Uint8Array,
    ttl: Duration.Duration,
    revision: Provider.Revision
  ) => Effect.Effect<number | "changed" | "gone", SessionError>
  /** Removes the session where it is at `revision`. */
  readonly removeAt: (operation: string, id: string, revision: Provider.Revision) => Effect.Effect<Change, SessionError>
  readonly remove: (operation: string, id: string) => Effect.Effect<void, SessionError>
  /** Renews the lifetime alone: a write that comes between is not undone. Answers when it expires, or nothing where it is gone. */
  readonly touch: (
    operation: string,
    id: string,
    ttl: Duration.Duration
  ) => Effect.Effect<number | undefined, SessionError>
  readonly count?: Effect.Effect<number, SessionError> | undefined
  readonly list?: Stream.Stream<Provider.StoredId, SessionError> | undefined
  readonly gc?: Effect.Effect<number, SessionError> | undefined
}

/** SHA-1, in hexadecimal, which Redis and MySQL can compute too. It tells versions apart; it protects nothing. */
export const sha1 = (payload: Uint8Array): Provider.Revision => hash("sha1", payload, "hex") as Provider.Revision

/** A {@link BeegoStore} as a provider. */
export const make = (store: BeegoStore): Provider.Provider => {
  const { revisionOf = sha1 } = store
  const { maxPayload } = store.capabilities

  const written = (payload: Uint8Array, expiresAt: number): Provider.Written =>
    Provider.written(revisionOf(payload), expiresAt)

  const sized = <A>(payload: Uint8Array, effect: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
    payload.length > maxPayload ? Effect.fail(tooLarge(store.name, payload.length, maxPayload)) : effect

  const find = (operation: string, id: string): Effect.Effect<Found | undefined, SessionError> =>
    store.isKey(id) ? store.get(operation, id) : Effect.succeed(undefined)

  const badId = (operation: string) =>
    Effect.fail(unavailable(store.name, operation, "the id cannot be a key in beego's layout"))

  return {
    name: store.name,
    capabilities: { ...store.capabilities, consistency: "compareContent", regenerate: "ordered" },
    read: (id) =>
      Effect.map(find("read", id), (found) =>
        found === undefined ? Option.none() : Option.some({ ...found, revision: revisionOf(found.payload) })
      ),
    create: (id, payload, ttl) =>
      store.isKey(id)
        ? sized(
            payload,
            Effect.map(store.add("create", id, payload, ttl), (expiresAt) =>
              expiresAt === undefined ? Provider.exists : written(payload, expiresAt)
            )
          )
        : badId("create"),
    write: (id, payload, ttl, revision) =>
      store.isKey(id)
        ? sized(
            payload,
            Effect.map(store.replace("write", id, payload, ttl, revision), (result) =>
              typeof result === "number" ? written(payload, result) : refused(result)
            )
          )
        : Effect.succeed(Provider.gone),
    touch: (id, ttl) =>
      store.isKey(id)
        ? Effect.map(store.touch("touch", id, ttl), (expiresAt) =>
            expiresAt === undefined ? Provider.gone : Provider.touched(expiresAt)
          )
        : Effect.succeed(Provider.gone),
    exists: (id) => Effect.map(find("exists", id), (found) => found !== undefined),
    destroy: (id) => (store.isKey(id) ? store.remove("destroy", id) : Effect.void),
    // The successor is stored first, under an id that nobody knows. The removal of the old session, if it is what was read, is the
    // commit: who dies before it leaves the session as it was, and who dies after it leaves the old id dead.
    regenerate: ({ oldId, newId, payload, ttl, revision }) => {
      if (!store.isKey(oldId)) {
        return Effect.succeed(Provider.gone)
      }
      return store.isKey(newId)
        ? sized(
            payload,
            Effect.flatMap(store.add("regenerate", newId, payload, ttl), (expiresAt) =>
              expiresAt === undefined
                ? Effect.fail(unavailable(store.name, "regenerate", "the new id is taken"))
                : Effect.flatMap(
                    store.removeAt("regenerate", oldId, revision),
                    (change): Effect.Effect<Provider.Written | Provider.Conflict | Provider.Gone> =>
                      change === "done"
                        ? Effect.succeed(written(payload, expiresAt))
                        : Effect.as(Effect.ignore(store.remove("regenerate", newId)), refused(change))
                  )
            )
          )
        : badId("regenerate")
    },
    count: store.count,
    list: store.list,
    gc: store.gc
  }
}

const refused = (why: "changed" | "gone"): Provider.Conflict | Provider.Gone =>
  why === "gone" ? Provider.gone : Provider.conflict()
