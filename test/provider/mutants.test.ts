/**
 * The conformance suite, tested: a provider that is broken in any of these ways fails it.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import { Conformance } from "effect-session/testing"
import { suite } from "./conforms.js"

type Provider = SessionProvider.Provider

/** Writes whatever the revision. */
const ignoreRevision = (provider: Provider): Provider => {
  const write: Provider["write"] = (id, payload, ttl, revision) =>
    Effect.flatMap(provider.write(id, payload, ttl, revision), (result) =>
      result._tag === "Conflict" ? write(id, payload, ttl, result.current!.revision) : Effect.succeed(result)
    )
  return { ...provider, write }
}

/** After others had their turn. */
const laterOn = <A>(effect: Effect.Effect<A>): Effect.Effect<void> =>
  Effect.forkDaemon(Effect.zipRight(Effect.yieldNow(), effect))

const asSession = (content: Uint8Array): SessionProvider.Stored => ({
  payload: content,
  revision: "1" as SessionProvider.Revision,
  expiresAt: Number.MAX_SAFE_INTEGER
})

const shorter = (ttl: Duration.Duration) => Duration.subtract(ttl, Duration.millis(500))

const shorterMark = (mark: SessionProvider.Mark | undefined) => mark && { ...mark, ttl: shorter(mark.ttl) }

const mutants: Record<string, (provider: Provider) => Partial<Provider>> = {
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
              : provider.touch(id, Duration.millis(before.value.expiresAt - clock.unsafeCurrentTimeMillis()))
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
            there
              ? SessionProvider.touched(clock.unsafeCurrentTimeMillis() + Duration.toMillis(ttl))
              : SessionProvider.gone
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
    create: (id, payload, ttl) => Effect.zipRight(provider.destroy(id), provider.create(id, payload, ttl))
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
          Option.isSome(stored) && stored.value.expiresAt - clock.unsafeCurrentTimeMillis() < 500
            ? Effect.zipRight(provider.destroy(id), provider.create(id, payload, ttl))
            : provider.create(id, payload, ttl)
        )
      )
  }),
  "a mark that destroy left lives half a second short": (provider) => ({
    destroy: (id, mark) => provider.destroy(id, shorterMark(mark))
  }),
  "a mark that regenerate left lives half a second short": (provider) => ({
    regenerate: (move) => provider.regenerate({ ...move, mark: shorterMark(move.mark) })
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
        Stream.filter(Option.exists(({ expiresAt }) => expiresAt - clock.unsafeCurrentTimeMillis() > 500)),
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
          Option.exists(({ expiresAt }) => expiresAt - clock.unsafeCurrentTimeMillis() > 500)
        )
      )
    )
  }),
  "gc removes nothing": () => ({ gc: Effect.succeed(0) }),
  "regenerate leaves no mark": (provider) => ({
    regenerate: ({ mark: _, ...move }) => provider.regenerate(move)
  }),
  "regenerate leaves its mark a step late": (provider) => {
    const late = new Set<string>()
    return {
      regenerate: (move) =>
        Effect.suspend(() => {
          late.add(move.oldId)
          return Effect.zipLeft(provider.regenerate(move), laterOn(Effect.sync(() => late.delete(move.oldId))))
        }),
      marked: (id) => Effect.suspend(() => (late.has(id) ? Effect.succeedNone : provider.marked!(id)))
    }
  },
  "a regenerate that is a conflict leaves its mark": (provider) => ({
    regenerate: (move) =>
      Effect.tap(provider.regenerate(move), (result) =>
        result._tag === "Conflict" ? provider.destroy(move.oldId, move.mark) : Effect.void
      )
  }),
  "destroy leaves no mark": (provider) => ({ destroy: (id) => provider.destroy(id) }),
  "destroy of nothing leaves a mark": (provider) => ({
    destroy: (id, mark) =>
      mark === undefined
        ? provider.destroy(id)
        : Effect.zipRight(provider.create(id, new Uint8Array(), mark.ttl), provider.destroy(id, mark))
  }),
  "destroy overwrites a mark": (provider) => {
    const latest = new Map<string, Uint8Array>()
    return {
      destroy: (id, mark) =>
        Effect.sync(() => (mark === undefined ? latest.delete(id) : latest.set(id, mark.content))).pipe(
          Effect.zipRight(provider.destroy(id, mark))
        ),
      marked: (id) =>
        Effect.map(
          provider.marked!(id),
          Option.map((content) => latest.get(id) ?? content)
        )
    }
  },
  "destroy takes a mark away": (provider) => {
    const gone = new Set<string>()
    return {
      destroy: (id, mark) =>
        Effect.suspend(() => {
          if (mark === undefined) {
            gone.add(id)
          }
          return provider.destroy(id, mark)
        }),
      marked: (id) => Effect.suspend(() => (gone.has(id) ? Effect.succeedNone : provider.marked!(id)))
    }
  },
  "a mark is read as a session": (provider) => ({
    read: (id) =>
      Effect.flatMap(provider.read(id), (stored) =>
        Option.isSome(stored) ? Effect.succeed(stored) : Effect.map(provider.marked!(id), Option.map(asSession))
      )
  }),
  "a mark is a conflict": (provider) => ({
    write: (id, payload, ttl, revision) =>
      Effect.zipWith(provider.write(id, payload, ttl, revision), provider.marked!(id), (result, mark) =>
        Option.isSome(mark) ? SessionProvider.conflict() : result
      )
  }),
  "a mark is counted": (provider) => {
    let left = 0
    return {
      destroy: (id, mark) =>
        Effect.sync(() => {
          left += mark === undefined ? 0 : 1
        }).pipe(Effect.zipRight(provider.destroy(id, mark))),
      count: Effect.map(provider.count!, (count) => count + left)
    }
  },
  "a mark is listed": (provider) => {
    const left: Array<SessionProvider.StoredId> = []
    return {
      destroy: (id, mark) =>
        Effect.sync(() => {
          if (mark !== undefined) {
            left.push(id)
          }
        }).pipe(Effect.zipRight(provider.destroy(id, mark))),
      list: Stream.concat(
        provider.list!,
        Stream.suspend(() => Stream.fromIterable(left))
      )
    }
  },
  "create overwrites a mark": (provider) => {
    return {
      create: (id, payload, ttl) =>
        Effect.zipWith(provider.create(id, payload, ttl), provider.exists(id), (result, there) =>
          result._tag === "Exists" && !there ? SessionProvider.written("1", 0) : result
        )
    }
  },
  "marks are for ever": (provider) => {
    const all = new Map<string, Uint8Array>()
    return {
      destroy: (id, mark) =>
        Effect.tap(provider.destroy(id, mark), () =>
          Effect.map(
            provider.marked!(id),
            Option.map((content) => all.set(id, content))
          )
        ),
      marked: (id) => Effect.sync(() => Option.fromNullable(all.get(id)))
    }
  },
  "marks are cut at 255 bytes": (provider) => ({
    destroy: (id, mark) => provider.destroy(id, mark && { ...mark, content: mark.content.subarray(0, 255) })
  }),
  "marks are taken for text": (provider) => ({
    marked: (id) =>
      Effect.map(
        provider.marked!(id),
        Option.map((content) => new TextEncoder().encode(new TextDecoder().decode(content)))
      )
  }),
  "a capability is lost": (provider) => ({
    capabilities: { ...provider.capabilities, consistency: "lastWriteWins" as const }
  })
}

/** Of a provider without marks. */
const marklessMutants: typeof mutants = {
  "destroy stores its mark as a session": (provider) => ({
    destroy: (id, mark) =>
      Effect.zipRight(provider.destroy(id), mark ? provider.create(id, mark.content, mark.ttl) : Effect.void)
  }),
  "regenerate stores its mark as a session": (provider) => ({
    regenerate: ({ mark, ...move }) =>
      Effect.tap(provider.regenerate(move), (result) =>
        mark && result._tag === "Written" ? provider.create(move.oldId, mark.content, mark.ttl) : Effect.void
      )
  }),
  "destroy does nothing if it is given a mark": (provider) => ({
    destroy: (id, mark) => (mark ? Effect.void : provider.destroy(id))
  }),
  "a mark is counted": mutants["a mark is counted"]!,
  "a mark is listed": mutants["a mark is listed"]!
}

const capabilities: SessionProvider.Capabilities = {
  ...SessionProvider.defaultCapabilities,
  durable: false,
  inProcess: true,
  maxPayload: Number.POSITIVE_INFINITY
}

const ofMemory = (
  change: (provider: Provider) => Partial<Provider>,
  options: Omit<Conformance.Options, "layer" | "pass">
) =>
  suite({
    layer: Layer.sync(SessionProvider.SessionProvider, () => {
      const provider = Memory.make()
      return { ...provider, ...change(provider) }
    }),
    ...options,
    pass: TestClock.adjust
  })

const optional = { count: true, list: true, gc: true, marked: true }

const reference = ofMemory(() => ({}), { capabilities, optional })

const passes = ({ cases }: Conformance.Suite) => Effect.forEach(cases, ({ test }) => test, { discard: true })

const fails = ({ test }: Conformance.Case) => Effect.map(Effect.exit(test), Exit.isFailure)

describe("the conformance suite", () => {
  it.effect("passes the reference provider", () => passes(reference))

  const failsFor = ({ cases }: Conformance.Suite) =>
    // The exclusive cases take longer.
    Effect.map(Effect.findFirst([...cases].reverse(), fails), (found) => expect(Option.isSome(found)).toBe(true))

  for (const [name, change] of Object.entries(mutants)) {
    it.effect(`fails where ${name}`, () => failsFor(ofMemory(change, { capabilities, optional })))
  }

  const markless = (change: (provider: Provider) => Partial<Provider>) =>
    ofMemory((provider) => ({ ...change(provider), marked: undefined }), {
      capabilities,
      optional: { ...optional, marked: false }
    })

  it.effect("passes a provider without marks", () => passes(markless(() => ({}))))

  for (const [name, change] of Object.entries(marklessMutants)) {
    it.effect(`fails where ${name}, of a provider without marks`, () => failsFor(markless(change)))
  }

  it("leaves out one case for the reference provider, which keeps payloads of any size", () => {
    expect(reference.leftOut).toEqual([
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
      marked: undefined
    }),
    {
      capabilities: { ...capabilities, consistency: "lastWriteWins" },
      optional: { count: false, list: false, gc: false, marked: false }
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
    }).pipe(Effect.zipRight(passes(little)))
  )
})
