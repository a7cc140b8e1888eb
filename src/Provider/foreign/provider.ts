/**
 * A provider on a backend in which another library keeps its sessions too, in a layout of its own: beego, or a store of
 * express-session. It keeps a session under its id, as bytes, without anything else. There is no place for a revision,
 * so the bytes that were read are compared instead: a write takes effect only if the stored bytes are still the same.
 * That holds among all processes that compare; the other libraries do not, and overwrite.
 */
import { hash } from "node:crypto"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type * as Stream from "#effect/Stream"
import { toBuffer } from "../../internal/bytes.js"
import { Failure, idTaken } from "../../internal/failure.js"
import type { Change } from "../internal/casProvider.js"
import * as Provider from "../Provider.js"

/** A live session in the backend. */
export interface Found {
  readonly payload: Uint8Array
  /** In milliseconds since the epoch, as exact as the layout. */
  readonly expiresAt: number
}

/** What a write kept: the expiry, with the revision if the backend keeps another payload than it was given. */
export type Kept = number | Provider.Written

/**
 * A backend in another library's layout. Other requests see each operation as one step. Every operation treats an expired session
 * as absent.
 */
export interface ForeignStore {
  readonly name: string
  /** The capabilities. `regenerate` is always `ordered`, and `consistency` is always `compareContent`. */
  readonly capabilities: Provider.Capabilities
  /** The revision of a payload. Default {@link sha1}. */
  readonly revisionOf?: ((payload: Uint8Array) => Provider.Revision) | undefined
  /** Whether this can be a key at all; no session has any other. */
  readonly isKey: (id: string) => boolean
  readonly get: (id: string) => Effect.Effect<Found | undefined, unknown>
  /** Returns undefined if the id is taken. */
  readonly add: (id: string, payload: Uint8Array, ttl: Duration.Duration) => Effect.Effect<Kept | undefined, unknown>
  /** Returns what was kept, or the reason why nothing was changed. */
  readonly replace: (
    id: string,
    payload: Uint8Array,
    ttl: Duration.Duration,
    revision: Provider.Revision
  ) => Effect.Effect<Kept | "changed" | "gone", unknown>
  /** Removes the session if it is at `revision`. */
  readonly removeAt: (id: string, revision: Provider.Revision) => Effect.Effect<Change, unknown>
  readonly remove: (id: string) => Effect.Effect<void, unknown>
  /**
   * Renews the lifetime and nothing else, so that it does not undo a write in between. Returns the expiry, or undefined
   * if the session is gone.
   */
  readonly touch: (id: string, ttl: Duration.Duration) => Effect.Effect<number | undefined, unknown>
  readonly count?: Effect.Effect<number, unknown> | undefined
  readonly list?: Stream.Stream<Provider.StoredId, unknown> | undefined
  readonly gc?: Effect.Effect<number, unknown> | undefined
}

/** SHA-1, in hexadecimal, which Redis and MySQL can compute too. It tells versions apart; it protects nothing. */
export const sha1 = (payload: Uint8Array): Provider.Revision => hash("sha1", payload, "hex") as Provider.Revision

/** SHA-256, in hexadecimal, for PostgreSQL, which has no SHA-1. */
export const sha256 = (payload: Uint8Array): Provider.Revision => hash("sha256", payload, "hex") as Provider.Revision

/** The payload itself, so that a session that is only read costs no hash. */
export const content = (payload: Uint8Array): Provider.Revision =>
  toBuffer(payload).toString("latin1") as Provider.Revision

/** Makes a provider from a {@link ForeignStore}. */
export const make = (store: ForeignStore): Provider.Provider => {
  const { isKey, revisionOf = sha1 } = store

  const written = (payload: Uint8Array, kept: Kept): Provider.Written =>
    typeof kept === "number" ? Provider.written(revisionOf(payload), kept) : kept

  const find = (id: string): Effect.Effect<Found | undefined, unknown> =>
    isKey(id) ? store.get(id) : Effect.succeed(undefined)

  const badId = Effect.fail(new Failure("the id cannot be a key in this layout"))

  return Provider.make({
    name: store.name,
    capabilities: { ...store.capabilities, consistency: "compareContent", regenerate: "ordered" },
    read: (id) =>
      Effect.map(find(id), (found) => {
        if (found === undefined) {
          return Option.none()
        }
        const { expiresAt, payload } = found
        return Option.some({ payload, expiresAt, revision: revisionOf(payload) })
      }),
    create: (id, payload, ttl) =>
      isKey(id)
        ? Effect.map(store.add(id, payload, ttl), (kept) =>
            kept === undefined ? Provider.exists : written(payload, kept)
          )
        : badId,
    write: (id, payload, ttl, revision) =>
      isKey(id)
        ? Effect.map(store.replace(id, payload, ttl, revision), (result) =>
            typeof result === "string" ? refused(result) : written(payload, result)
          )
        : Effect.succeed(Provider.gone),
    touch: (id, ttl) =>
      isKey(id)
        ? Effect.map(store.touch(id, ttl), (expiresAt) =>
            expiresAt === undefined ? Provider.gone : Provider.touched(expiresAt)
          )
        : Effect.succeed(Provider.gone),
    exists: (id) => Effect.map(find(id), (found) => found !== undefined),
    destroy: (id) => (isKey(id) ? store.remove(id) : Effect.void),
    // The successor is stored first, under an id that no client knows. The removal of the old session, if it is the one
    // that was read, is the commit: a process that dies before it leaves the session as it was, and one that dies after
    // it leaves the old id dead.
    regenerate: ({ oldId, newId, payload, ttl, revision }) => {
      if (!isKey(oldId)) {
        return Effect.succeed(Provider.gone)
      }
      return isKey(newId)
        ? Effect.flatMap(store.add(newId, payload, ttl), (kept) =>
            kept === undefined
              ? Effect.fail(idTaken())
              : Effect.flatMap(
                  store.removeAt(oldId, revision),
                  (change): Effect.Effect<Provider.Written | Provider.Conflict | Provider.Gone> =>
                    change === "done"
                      ? Effect.succeed(written(payload, kept))
                      : Effect.as(Effect.ignore(store.remove(newId)), refused(change))
                )
          )
        : badId
    },
    count: store.count,
    list: store.list,
    gc: store.gc
  })
}

const refused = (why: "changed" | "gone"): Provider.Conflict | Provider.Gone =>
  why === "gone" ? Provider.gone : Provider.conflict()
