/**
 * The conformance suite, tested: a provider whose sessions are broken in any of these ways fails it.
 */
import { SessionProvider } from "effect-session"
import { Conformance } from "effect-session/testing"
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { describe, expect, it } from "#test/vitest"
import { capabilities, failsFor, type Mutants, ofMemory, optional, passes, shorter } from "./mutants.js"

type Provider = SessionProvider.Provider

/** Writes whatever the revision. */
const ignoreRevision = (provider: Provider): Provider => {
  const write: Provider["write"] = (id, payload, ttl, revision) =>
    Effect.flatMap(provider.write(id, payload, ttl, revision), (result) =>
      result._tag === "Conflict" ? write(id, payload, ttl, result.current!.revision) : Effect.succeed(result)
    )
  return { ...provider, write }
}

const mutants: Mutants = {
  "write ignores the revision": (provider) => ignoreRevision(provider),
  "write revives what is gone": (provider) => ({
    write: (id, payload, ttl, revision) =>
      Effect.flatMap(provider.write(id, payload, ttl, revision), (result) =>
        result._tag === "Gone" ? (provider.create(id, payload, ttl) as never) : Effect.succeed(result)
      )
  }),
  "write keeps the old lifetime": (provider) => ({
    write: (id, payload, ttl, revision) =>
      Effect.flatMap(provider.read(id), (before) =>
        Effect.tap(provider.write(id, payload, ttl, revision), () =>
          Effect.clockWith((clock) =>
            Option.isNone(before)
              ? Effect.void
              : provider.touch(id, Duration.millis(before.value.expiresAt - millisOf(clock)))
          )
        )
      )
  }),
  "write answers with the old revision": (provider) => ({
    write: (id, payload, ttl, revision) =>
      Effect.map(provider.write(id, payload, ttl, revision), (result) =>
        result._tag === "Written" ? { ...result, revision } : result
      )
  }),
  "touch revives what is gone": (provider) => ({
    touch: (id, ttl) =>
      Effect.flatMap(provider.touch(id, ttl), (result) =>
        result._tag === "Gone"
          ? Effect.map(provider.create(id, new Uint8Array(), ttl), () => SessionProvider.touched(0))
          : Effect.succeed(result)
      )
  }),
  "touch does not renew": (provider) => ({
    touch: (id, ttl) =>
      Effect.flatMap(provider.exists(id), (there) =>
        Effect.clockWith((clock) =>
          Effect.succeed(
            there ? SessionProvider.touched(millisOf(clock) + Duration.toMillis(ttl)) : SessionProvider.gone
          )
        )
      )
  }),
  "touch changes the revision": (provider) => ({
    touch: (id, ttl) =>
      Effect.flatMap(provider.read(id), (before) =>
        Option.isNone(before)
          ? provider.touch(id, ttl)
          : Effect.map(provider.write(id, before.value.payload, ttl, before.value.revision), (result) =>
              result._tag === "Written" ? SessionProvider.touched(result.expiresAt) : SessionProvider.gone
            )
      )
  }),
  "create overwrites": (provider) => ({
    create: (id, payload, ttl) => Effect.andThen(provider.destroy(id), provider.create(id, payload, ttl))
  }),
  "regenerate leaves the old id": (provider) => ({
    regenerate: ({ oldId, newId, payload, ttl, revision }) =>
      Effect.flatMap(provider.write(oldId, payload, ttl, revision), (result) =>
        result._tag === "Written" ? (provider.create(newId, payload, ttl) as never) : Effect.succeed(result)
      )
  }),
  "regenerate loses the data": (provider) => ({
    regenerate: ({ oldId, newId, ttl, revision }) =>
      provider.regenerate({ oldId, newId, payload: new Uint8Array(), ttl, revision })
  }),
  "regenerate ignores the revision": (provider) => ({
    regenerate: ({ oldId, newId, payload, ttl, revision }) =>
      Effect.flatMap(provider.regenerate({ oldId, newId, payload, ttl, revision }), (result) =>
        result._tag === "Conflict"
          ? provider.regenerate({ oldId, newId, payload, ttl, revision: result.current!.revision })
          : Effect.succeed(result)
      )
  }),
  "destroy does nothing": () => ({ destroy: () => Effect.void }),
  "expired is found by exists": (provider) => {
    const known = new Set<string>()
    return {
      create: (id, payload, ttl) =>
        Effect.tap(provider.create(id, payload, ttl), () => Effect.sync(() => known.add(id))),
      destroy: (id) => Effect.tap(provider.destroy(id), () => Effect.sync(() => known.delete(id))),
      exists: (id) => Effect.sync(() => known.has(id))
    }
  },
  "sessions live a second too long": (provider) => ({
    create: (id, payload, ttl) => provider.create(id, payload, Duration.sum(ttl, Duration.seconds(1)))
  }),
  "sessions live half a second short": (provider) => ({
    create: (id, payload, ttl) => provider.create(id, payload, shorter(ttl))
  }),
  "a touched session lives half a second short": (provider) => ({
    touch: (id, ttl) => provider.touch(id, shorter(ttl))
  }),
  "a written session lives half a second short": (provider) => ({
    write: (id, payload, ttl, revision) => provider.write(id, payload, shorter(ttl), revision)
  }),
  "a moved session lives half a second short": (provider) => ({
    regenerate: (move) => provider.regenerate({ ...move, ttl: shorter(move.ttl) })
  }),
  "a moved session lives for ever": (provider) => ({
    regenerate: (move) => provider.regenerate({ ...move, ttl: Duration.days(100) })
  }),
  "create takes an id half a second before its session ends": (provider) => ({
    create: (id, payload, ttl) =>
      Effect.flatMap(provider.read(id), (stored) =>
        Effect.clockWith((clock) =>
          Option.isSome(stored) && stored.value.expiresAt - millisOf(clock) < 500
            ? Effect.andThen(provider.destroy(id), provider.create(id, payload, ttl))
            : provider.create(id, payload, ttl)
        )
      )
  }),
  "long lifetimes are cut to 30 days": (provider) => ({
    create: (id, payload, ttl) => provider.create(id, payload, Duration.min(ttl, Duration.days(30)))
  }),
  "payloads are cut at 64 KiB": (provider) => ({
    create: (id, payload, ttl) => provider.create(id, payload.subarray(0, 65_536), ttl)
  }),
  "payloads are taken for text": (provider) => ({
    create: (id, payload, ttl) => provider.create(id, new TextEncoder().encode(new TextDecoder().decode(payload)), ttl)
  }),
  "readers share the bytes": (provider) => {
    const shared = new Map<string, Uint8Array>()
    return {
      read: (id) =>
        Effect.map(
          provider.read(id),
          Option.map((stored) => {
            const key = id + stored.revision
            shared.set(key, shared.get(key) ?? stored.payload)
            return { ...stored, payload: shared.get(key)! }
          })
        )
    }
  },
  "ids are taken in any case": (provider) => ({
    create: (id, payload, ttl) => provider.create(id.toLowerCase() as never, payload, ttl),
    read: (id) => provider.read(id.toLowerCase() as never),
    exists: (id) => provider.exists(id.toLowerCase() as never)
  }),
  "count counts the dead": (provider) => {
    let created = 0
    return {
      create: (id, payload, ttl) => Effect.tap(provider.create(id, payload, ttl), () => Effect.sync(() => created++)),
      count: Effect.sync(() => created)
    }
  },
  "count leaves out a session half a second before its end": (provider) => ({
    count: Effect.clockWith((clock) =>
      Stream.mapEffect(provider.list!, provider.read).pipe(
        Stream.filter(Option.exists(({ expiresAt }) => expiresAt - millisOf(clock) > 500)),
        Stream.runCount
      )
    )
  }),
  "a write ignores each 50th conflict": (provider) => {
    let conflicts = 0
    return {
      write: (id, payload, ttl, revision) =>
        Effect.flatMap(provider.write(id, payload, ttl, revision), (result) =>
          result._tag === "Conflict" && ++conflicts % 50 === 0
            ? provider.write(id, payload, ttl, result.current!.revision)
            : Effect.succeed(result)
        )
    }
  },
  "list lists nothing": () => ({ list: Stream.empty }),
  "list lists what has expired": (provider) => {
    const listed = new Set<SessionProvider.StoredId>()
    return {
      create: (id, payload, ttl) =>
        Effect.tap(provider.create(id, payload, ttl), () => Effect.sync(() => listed.add(id))),
      destroy: (id, mark) => Effect.tap(provider.destroy(id, mark), () => Effect.sync(() => listed.delete(id))),
      regenerate: (move) =>
        Effect.tap(provider.regenerate(move), (result) =>
          Effect.sync(() => {
            if (result._tag === "Written") {
              listed.delete(move.oldId)
              listed.add(move.newId)
            }
          })
        ),
      list: Stream.suspend(() => Stream.fromIterable([...listed]))
    }
  },
  "list leaves out a session half a second before its end": (provider) => ({
    list: Stream.filterEffect(provider.list!, (id) =>
      Effect.clockWith((clock) =>
        Effect.map(
          provider.read(id),
          Option.exists(({ expiresAt }) => expiresAt - millisOf(clock) > 500)
        )
      )
    )
  }),
  "gc removes nothing": () => ({ gc: Effect.succeed(0) }),
  "a capability is lost": (provider) => ({
    capabilities: { ...provider.capabilities, consistency: "lastWriteWins" as const }
  })
}

const reference = ofMemory(() => ({}), { capabilities, optional })

describe("the conformance suite", () => {
  it.effect("passes the reference provider", () => passes(reference))

  for (const [name, change] of Object.entries(mutants)) {
    it.effect(`fails where ${name}`, () => failsFor(ofMemory(change, { capabilities, optional })))
  }

  it("leaves out one case for the reference provider, which keeps payloads of any size, and those of news", () => {
    expect(reference.leftOut.filter(({ because }) => because !== "the provider has no changed")).toEqual([
      {
        promise: "sessions are kept whole",
        name: "refuses a payload over its limit with TooLarge, and loses nothing",
        because: "the provider says maxPayload: Infinity"
      }
    ])
  })

  const little = ofMemory(
    (provider) => ({
      capabilities: { ...provider.capabilities, consistency: "lastWriteWins" },
      count: undefined,
      list: undefined,
      gc: undefined,
      marked: undefined,
      principals: undefined
    }),
    {
      capabilities: { ...capabilities, consistency: "lastWriteWins" },
      optional: { count: false, list: false, gc: false, marked: false, principals: false }
    }
  )

  it.effect("passes a provider that promises little, and says what it did not check, and why", () =>
    Effect.sync(() => {
      expect(little.cases.length + little.leftOut.length).toBe(reference.cases.length + reference.leftOut.length)
      const lines = Conformance.table(little).split("\n")
      expect(lines).toContain(
        'no lost updates                   0 checked, 9 left out: the provider says consistency: "lastWriteWins"'
      )
      expect(lines).toContain(
        "counted, listed and collected     0 checked, 8 left out: the provider has no count; the provider has no gc; " +
          "the provider has no list"
      )
      expect(lines).toContain("lifetimes are kept                7 checked")
    }).pipe(Effect.andThen(passes(little)))
  )
})
