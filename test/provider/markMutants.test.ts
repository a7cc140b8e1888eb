/**
 * The conformance suite, tested: a provider whose marks are broken in any of these ways fails it, and one that keeps no
 * marks but treats them as something else.
 */
import { SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { describe, it } from "#test/vitest"
import { capabilities, failsFor, type Mutants, ofMemory, optional, passes, shorter } from "./mutants.js"

/** After others had their turn. */
const laterOn = <A>(effect: Effect.Effect<A>): Effect.Effect<void> =>
  Effect.forkDetach(Effect.andThen(Effect.yieldNow, effect))

const asSession = (content: Uint8Array): SessionProvider.Stored => ({
  payload: content,
  revision: "1" as SessionProvider.Revision,
  expiresAt: Number.MAX_SAFE_INTEGER
})

const shorterMark = (mark: SessionProvider.Mark | undefined) => mark && { ...mark, ttl: shorter(mark.ttl) }

const mutants: Mutants = {
  "a mark that destroy left lives half a second short": (provider) => ({
    destroy: (id, mark) => provider.destroy(id, shorterMark(mark))
  }),
  "a mark that regenerate left lives half a second short": (provider) => ({
    regenerate: (move) => provider.regenerate({ ...move, mark: shorterMark(move.mark) })
  }),
  "regenerate leaves no mark": (provider) => ({
    regenerate: ({ mark: _, ...move }) => provider.regenerate(move)
  }),
  "regenerate leaves its mark a step late": (provider) => {
    const late = new Set<string>()
    return {
      regenerate: (move) =>
        Effect.suspend(() => {
          late.add(move.oldId)
          return Effect.tap(provider.regenerate(move), laterOn(Effect.sync(() => late.delete(move.oldId))))
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
        : Effect.andThen(provider.create(id, new Uint8Array(), mark.ttl), provider.destroy(id, mark))
  }),
  "destroy overwrites a mark": (provider) => {
    const latest = new Map<string, Uint8Array>()
    return {
      destroy: (id, mark) =>
        Effect.sync(() => (mark === undefined ? latest.delete(id) : latest.set(id, mark.content))).pipe(
          Effect.andThen(provider.destroy(id, mark))
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
        }).pipe(Effect.andThen(provider.destroy(id, mark))),
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
        }).pipe(Effect.andThen(provider.destroy(id, mark))),
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
      marked: (id) => Effect.sync(() => Option.fromNullishOr(all.get(id)))
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
  })
}

/** Of a provider without marks. */
const marklessMutants: Mutants = {
  "destroy stores its mark as a session": (provider) => ({
    destroy: (id, mark) =>
      Effect.andThen(
        provider.destroy(id),
        mark ? Effect.asVoid(provider.create(id, mark.content, mark.ttl)) : Effect.void
      )
  }),
  "regenerate stores its mark as a session": (provider) => ({
    regenerate: ({ mark, ...move }) =>
      Effect.tap(provider.regenerate(move), (result) =>
        mark && result._tag === "Written"
          ? Effect.asVoid(provider.create(move.oldId, mark.content, mark.ttl))
          : Effect.void
      )
  }),
  "destroy does nothing if it is given a mark": (provider) => ({
    destroy: (id, mark) => (mark ? Effect.void : provider.destroy(id))
  }),
  "a mark is counted": mutants["a mark is counted"]!,
  "a mark is listed": mutants["a mark is listed"]!
}

describe("the conformance suite, of marks", () => {
  for (const [name, change] of Object.entries(mutants)) {
    it.effect(`fails where ${name}`, () => failsFor(ofMemory(change, { capabilities, optional })))
  }

  const markless = (change: Mutants[string]) =>
    ofMemory((provider) => ({ ...change(provider), marked: undefined }), {
      capabilities,
      optional: { ...optional, marked: false }
    })

  it.effect("passes a provider without marks", () => passes(markless(() => ({}))))

  for (const [name, change] of Object.entries(marklessMutants)) {
    it.effect(`fails where ${name}, of a provider without marks`, () => failsFor(markless(change)))
  }
})
