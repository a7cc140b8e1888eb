/**
 * Keeps sessions on a server: the client sends an id, and the provider knows its hash.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Conflict, Gone, Mark, Provider, Stored, StoredId, Written } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { SessionConfig } from "./configSchema.js"
import type { Changed, Fate, Found, Keeper, Kept, Lost, Saved } from "./Keeper.js"
import { moving } from "./moving.js"
import { makeIds } from "./SessionId.js"

/** How long a mark stays at a session's old id: longer than a request that was sent before takes to arrive. */
const markedFor = Duration.seconds(60)

export const ended: Mark = { content: new Uint8Array(0), ttl: markedFor }

export const movedTo = (ref: StoredId): Mark => ({ content: Buffer.from(ref), ttl: markedFor })

const successorIn = (mark: Uint8Array): StoredId | undefined =>
  mark.length === 0 ? undefined : (Buffer.from(mark).toString() as StoredId)

/** How many changes of id in a row are followed, all within the lifetime of a mark. */
const mostMoves = 64

const lost: Lost = { _tag: "Lost" }

const toKept = (ref: StoredId, id: string | undefined, { expiresAt, revision }: Stored | Written): Kept => ({
  ref,
  id,
  token: id,
  revision,
  expiresAt
})

const toFound = (ref: StoredId, id: string | undefined, stored: Stored): Found => ({
  kept: toKept(ref, id, stored),
  payload: stored.payload
})

/** The keeper's result for a provider's compare-and-set that was to store the session at `ref`. */
const toResult = (
  result: Written | Conflict | Gone,
  ref: StoredId,
  id: string | undefined,
  before: Kept
): Saved | Changed | Lost => {
  switch (result._tag) {
    case "Written":
      return { _tag: "Saved", kept: toKept(ref, id, result) }
    case "Conflict":
      return { _tag: "Changed", current: result.current && toFound(before.ref, before.id, result.current) }
    case "Gone":
      return lost
  }
}

/** Finds the fate of a session that is gone, from the mark that it may have left. */
const marks = ({ marked, name, read }: Provider) => {
  const markAt = (ref: StoredId): Effect.Effect<Option.Option<Uint8Array>, SessionError> =>
    marked === undefined ? Effect.succeedNone : marked(ref)
  const find = (ref: StoredId, moves = 0): Effect.Effect<Found | undefined, SessionError> =>
    Effect.flatMap(read(ref), (stored) =>
      Option.isSome(stored)
        ? Effect.succeed(toFound(ref, undefined, stored.value))
        : Effect.flatMap(markAt(ref), (mark) => {
            const to = Option.isSome(mark) ? successorIn(mark.value) : undefined
            return to === undefined
              ? Effect.succeed(undefined)
              : moves < mostMoves
                ? find(to, moves + 1)
                : new SessionError({
                    reason: "Conflict",
                    message: `${name}: the session changed its id ${mostMoves} times while a request used it: try again`
                  })
          })
    )
  const fate = (ref: StoredId): Effect.Effect<Fate, SessionError> =>
    Effect.map(markAt(ref), (mark) =>
      Option.isNone(mark) ? "Unknown" : successorIn(mark.value) === undefined ? "Ended" : "Moved"
    )
  return { find: (ref: StoredId) => find(ref), fate }
}

/** Reaches a session with its client's token: under its hash and, with `migrating`, under its id too. */
const reach = (provider: Provider, { absoluteTimeout, id: { hashed }, idleTimeout }: SessionConfig) => {
  if (hashed !== "migrating") {
    return {
      read: (_: string, ref: StoredId) => provider.read(ref),
      destroy: (_: string, ref: StoredId) => provider.destroy(ref, ended)
    }
  }
  const { destroy, read } = moving(provider, Duration.min(idleTimeout, absoluteTimeout), movedTo)
  return {
    read: (token: string, ref: StoredId) => read(token as StoredId, ref),
    destroy: (token: string, ref: StoredId) => destroy(token as StoredId, ref, ended)
  }
}

export const keptByServer = (provider: Provider, config: SessionConfig): Keeper => {
  const { check, make, stored: refOf } = makeIds(config, provider.capabilities)
  const { find, fate } = marks(provider)
  const { destroy, read } = reach(provider, config)
  return {
    name: provider.name,
    maxPayload: provider.capabilities.maxPayload,
    inProcess: provider.capabilities.inProcess,
    needsResponse: false,
    revocable: true,
    accepts: check,
    refOf,
    makeId: (predecessor) => make(predecessor?.id),
    open: (token) => {
      const ref = refOf(token)
      return Effect.map(read(token, ref), (stored) =>
        Option.isNone(stored) ? undefined : toFound(ref, token, stored.value)
      )
    },
    find,
    ...writing(provider, refOf),
    end: (token) => {
      const ref = refOf(token)
      return Effect.as(destroy(token, ref), ref)
    },
    fate: (token) =>
      Effect.flatMap(fate(refOf(token)), (found) =>
        found === "Unknown" && config.id.hashed === "migrating" ? fate(token as StoredId) : Effect.succeed(found)
      ),
    endRef:
      config.id.hashed === "migrating" ? (ref) => destroy(ref, refOf(ref)) : (ref) => provider.destroy(ref, ended),
    count: provider.count,
    list: provider.list,
    gc: provider.gc
  }
}

const writing = (
  provider: Provider,
  refOf: (id: string) => StoredId
): Pick<Keeper, "begin" | "renew" | "save" | "touch"> => ({
  begin: (id, payload, ttl, renewed) => {
    const ref = refOf(id)
    return Effect.flatMap(provider.create(ref, payload, ttl, renewed), (result) =>
      result._tag === "Written"
        ? Effect.succeed(toKept(ref, id, result))
        : // 256 random bits do not repeat: the random source is broken.
          new SessionError({ reason: "Conflict", message: `${provider.name}: a fresh session id is taken` })
    )
  },
  save: (kept, payload, ttl) =>
    Effect.map(provider.write(kept.ref, payload, ttl, kept.revision), (result) =>
      toResult(result, kept.ref, kept.id, kept)
    ),
  renew: (kept, id, payload, ttl) => {
    const ref = refOf(id)
    return Effect.map(
      provider.regenerate({ oldId: kept.ref, newId: ref, payload, ttl, revision: kept.revision, mark: movedTo(ref) }),
      (result) => toResult(result, ref, id, kept)
    )
  },
  touch: (kept, ttl) =>
    Effect.map(provider.touch(kept.ref, ttl), (result) =>
      result._tag === "Touched" ? { ...kept, expiresAt: result.expiresAt } : undefined
    )
})
