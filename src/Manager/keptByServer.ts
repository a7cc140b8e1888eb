/**
 * Keeps sessions on a server: the client sends an id, and the provider knows its hash.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Conflict, Gone, Mark, Provider, Stored, StoredId, Written } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { type AtRest, openMark, sealedMark, sealedRecords } from "./atRest.js"
import type { SessionConfig } from "./configSchema.js"
import type { Changed, Fate, Found, Keeper, Kept, Lost, Saved } from "./Keeper.js"
import { ended, movedTo, readMark, successorOf, type Trace, wayTo } from "./marks.js"
import { type Moved, type OldPlace, readMoving, unhashed } from "./moving/oldPlace.js"
import { makeIds } from "./SessionId.js"

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

const toFound = ({ open }: AtRest, ref: StoredId, id: string | undefined, stored: Moved): Found => ({
  kept: toKept(ref, id, stored),
  payload: open("session", ref, id, stored.payload),
  hasMoved: stored.hasMoved
})

/** The keeper's result for a provider's compare-and-set that was to store the session at `ref`. */
const toResult = (
  atRest: AtRest,
  result: Written | Conflict | Gone,
  ref: StoredId,
  id: string | undefined,
  before: Kept
): Saved | Changed | Lost => {
  switch (result._tag) {
    case "Written":
      return { _tag: "Saved", kept: toKept(ref, id, result) }
    case "Conflict":
      return { _tag: "Changed", current: result.current && toFound(atRest, before.ref, before.id, result.current) }
    case "Gone":
      return lost
  }
}

/** Finds what became of a session that is gone, from the mark that it may have left. */
const tracing = (
  { destroy, marked, name, read }: Provider,
  { id: { endOnReuse } }: SessionConfig,
  atRest: AtRest,
  refOf: (id: string) => StoredId
) => {
  const traceAt = (ref: StoredId): Effect.Effect<Trace | undefined, SessionError> =>
    marked === undefined
      ? Effect.succeed(undefined)
      : Effect.map(marked(ref), (mark) => {
          const content = Option.isNone(mark) ? undefined : openMark(atRest, ref, mark.value)
          return content && readMark(content)
        })

  const tooMany = () =>
    new SessionError({
      reason: "Conflict",
      message: `${name}: the session changed its id ${mostMoves} times while a request used it: try again`
    })

  /** The session, of which nobody here is to learn the id: `id` only opens it. */
  const find = (ref: StoredId, id?: string, moves = 0): Effect.Effect<Found | undefined, SessionError> =>
    Effect.flatMap(read(ref), (stored) =>
      Option.isSome(stored)
        ? Effect.succeed({
            kept: toKept(ref, undefined, stored.value),
            payload: atRest.open("session", ref, id, stored.value.payload)
          })
        : Effect.flatMap(traceAt(ref), (trace) =>
            trace === undefined || trace._tag === "Ended"
              ? Effect.succeed(undefined)
              : moves < mostMoves
                ? find(trace.to, undefined, moves + 1)
                : tooMany()
          )
    )

  /** The session to which an old id leads, or what else became of it. */
  const follow = (
    id: string,
    trace: Trace | undefined,
    now: number,
    moves = 0
  ): Effect.Effect<Found | Fate | "Reused", SessionError> => {
    if (trace?._tag !== "Way") {
      return Effect.succeed(trace?._tag ?? "Unknown")
    }
    const { graceEnds, sealed, to } = trace
    if (now >= graceEnds) {
      return Effect.as(
        endOnReuse
          ? Effect.flatMap(find(to), (found) => (found ? destroy(found.kept.ref, ended) : Effect.void))
          : Effect.void,
        "Reused"
      )
    }
    const next = successorOf(sealed, id)
    // Who can write to the backend must not lead to a session what they have the id of.
    return next === undefined || refOf(next) !== to
      ? Effect.succeed("Unknown")
      : Effect.flatMap(read(to), (stored) =>
          Option.isSome(stored)
            ? Effect.succeed(toFound(atRest, to, next, stored.value))
            : moves < mostMoves
              ? Effect.flatMap(traceAt(to), (trace) =>
                  // A session that is not there, and was there a moment ago, has ended.
                  trace === undefined ? Effect.succeed("Ended" as const) : follow(next, trace, now, moves + 1)
                )
              : tooMany()
        )
  }

  return {
    find: (ref: StoredId, id?: string) => find(ref, id),
    trace: (id: string, ref: StoredId) =>
      Effect.flatMap(traceAt(ref), (trace) => Effect.clockWith((clock) => follow(id, trace, millisOf(clock))))
  }
}

/** Reaches a session with its client's token: under its hash and, at an old place, under its id. */
const reach = (provider: Provider, old: OldPlace | undefined) => {
  const read = (_: string, ref: StoredId): Effect.Effect<Option.Option<Moved>, SessionError> => provider.read(ref)
  const destroy = (_: string, ref: StoredId) => provider.destroy(ref, ended)
  if (old === undefined) {
    return { read, destroy }
  }
  const readBoth = readMoving(provider, old)
  return {
    read: (token: string, ref: StoredId) => readBoth(token as StoredId, ref),
    destroy: (token: string, ref: StoredId) => old.end(token as StoredId, ref)
  }
}

/** `elsewhere` is another provider that sessions move from. */
export const keptByServer = (
  provider: Provider,
  config: SessionConfig,
  atRest: AtRest,
  elsewhere?: OldPlace
): Keeper => {
  const { check, make, stored: refOf } = makeIds(config, provider.capabilities)
  const { find, trace } = tracing(provider, config, atRest, refOf)
  const old = config.id.hashed === "migrating" ? unhashed(provider, config, atRest) : elsewhere
  const { destroy, read } = reach(provider, old)
  return {
    name: provider.name,
    maxPayload: provider.capabilities.maxPayload - atRest.overhead,
    inProcess: provider.capabilities.inProcess,
    needsResponse: false,
    revocable: true,
    accepts: check,
    refOf,
    makeId: (predecessor) => make(predecessor?.id),
    principals: provider.principals && sealedRecords(provider.principals, atRest),
    opensById: atRest.byId,
    evicts: provider.capabilities.evicts === true,
    open: (token) => {
      const ref = refOf(token)
      return Effect.flatMap(
        read(token, ref),
        (stored): Effect.Effect<Found | "Reused" | undefined, SessionError> =>
          Option.isSome(stored)
            ? Effect.succeed(toFound(atRest, ref, token, stored.value))
            : config.id.renewEvery === undefined
              ? Effect.succeed(undefined)
              : Effect.map(trace(token, ref), (found) =>
                  typeof found === "object" || found === "Reused" ? found : undefined
                )
      )
    },
    // The person's list may name a session as it was before it moved.
    find:
      old === undefined
        ? find
        : (ref, id) =>
            Effect.flatMap(find(ref, id), (found) =>
              found === undefined && check(ref) ? find(refOf(ref), ref) : Effect.succeed(found)
            ),
    ...writing(provider, config, atRest, refOf),
    end: (token) => {
      const ref = refOf(token)
      const ending = destroy(token, ref)
      return config.id.renewEvery === undefined
        ? Effect.as(ending, ref)
        : Effect.flatMap(Effect.andThen(ending, trace(token, ref)), (found) =>
            typeof found === "object"
              ? Effect.as(provider.destroy(found.kept.ref, ended), found.kept.ref)
              : Effect.succeed(ref)
          )
    },
    fate: (token) =>
      Effect.flatMap(trace(token, refOf(token)), (found) =>
        found === "Unknown" && config.id.hashed === "migrating"
          ? Effect.map(trace(token, token as StoredId), unlessReused)
          : Effect.succeed(unlessReused(found))
      ),
    // What is listed may be of the old place: there it is the same hash, or else an id.
    endRef: (ref) =>
      old?.hashed
        ? old.end(ref, ref)
        : old !== undefined && check(ref)
          ? Effect.andThen(provider.destroy(ref, ended), old.end(ref, refOf(ref)))
          : provider.destroy(ref, ended),
    changed: provider.changed,
    count: provider.count,
    list: provider.list,
    gc: provider.gc
  }
}

/** A client that goes on with an id long after it was renewed is one that lost the answer: it may begin anew. */
const unlessReused = (found: Found | Fate | "Reused"): Found | Fate => (found === "Reused" ? "Unknown" : found)

const writing = (
  provider: Provider,
  { id: { grace, watchReuse } }: SessionConfig,
  atRest: AtRest,
  refOf: (id: string) => StoredId
): Pick<Keeper, "begin" | "renew" | "save" | "touch"> => ({
  begin: (id, payload, ttl, cause) => {
    const ref = refOf(id)
    return Effect.flatMap(
      provider.create(ref, atRest.seal("session", ref, id, payload), ttl, cause === "rights"),
      (result) =>
        result._tag === "Written"
          ? Effect.succeed(toKept(ref, id, result))
          : // 256 random bits do not repeat: the random source is broken.
            new SessionError({ reason: "Conflict", message: `${provider.name}: a fresh session id is taken` })
    )
  },
  save: (kept, payload, ttl) =>
    Effect.map(
      provider.write(kept.ref, atRest.seal("session", kept.ref, kept.id, payload), ttl, kept.revision),
      (result) => toResult(atRest, result, kept.ref, kept.id, kept)
    ),
  renew: (kept, id, payload, ttl, cause, another = false) => {
    const ref = refOf(id)
    const moved = (mark: Mark) =>
      Effect.map(
        provider.regenerate({
          oldId: kept.ref,
          newId: ref,
          payload: atRest.seal("session", ref, id, payload),
          ttl,
          revision: kept.revision,
          mark: sealedMark(atRest, kept.ref, mark),
          signedIn: cause === "rights"
        }),
        (result) => toResult(atRest, result, ref, id, kept)
      )
    return cause === "rights" || kept.id === undefined
      ? moved(another ? ended : movedTo(ref))
      : Effect.clockWith((clock) =>
          moved(wayTo(ref, id, kept.id!, millisOf(clock) + Duration.toMillis(grace), Duration.sum(grace, watchReuse)))
        )
  },
  touch: (kept, ttl) =>
    Effect.map(provider.touch(kept.ref, ttl), (result) =>
      result._tag === "Touched" ? { ...kept, expiresAt: result.expiresAt } : undefined
    )
})
