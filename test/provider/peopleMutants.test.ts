/**
 * The conformance suite, tested: where a provider, or the manager itself, leaves out a step of what it does for people, or
 * takes two in the wrong order, the case of that race fails.
 */
import { SessionProvider } from "effect-session"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import { describe, expect, it } from "#test/vitest"
import { rest } from "../../src/internal/machineTime.js"
import { People } from "../../src/Manager/people/People.js"
import { capabilities, ofMemory, optional } from "./mutants.js"

type Provider = SessionProvider.Provider

const casesOf = (change: (provider: Provider) => Partial<Provider>) =>
  ofMemory(change, { capabilities, optional }).cases.filter(
    ({ promise }) => promise === "people's sessions can be ended"
  )

/** Runs the case of this name, which must fail. */
const failsIn = (name: string, change: (provider: Provider) => Partial<Provider> = () => ({})) =>
  Effect.suspend(() => {
    const [found] = casesOf(change).filter((one) => one.name === name)
    return Effect.map(Effect.exit(found!.test), (exit) => expect(Exit.isFailure(exit)).toBe(true))
  })

/** What the manager does to the register, with its private parts. */
interface Parts {
  list(id: unknown, known: unknown, session: { readonly from: string | undefined }): Effect.Effect<string, any>
  end(id: unknown, which: (entry: Entry) => boolean): Effect.Effect<void, any>
  read(id: unknown): Effect.Effect<{ readonly register: Register }, any>
  adding(session: object): (register: Register) => unknown
  makingRoom(register: Register, entry: Entry): Effect.Effect<unknown, any>
  endOf(entries: ReadonlyArray<Entry>): Effect.Effect<void, any>
  readonly registers: {
    change(
      id: unknown,
      known: unknown,
      planning: (register: Register) => Effect.Effect<unknown>
    ): Effect.Effect<void, any>
  }
}

interface Entry {
  readonly family: string
}

interface Register {
  readonly entries: ReadonlyArray<Entry>
}

const real = People.prototype as unknown as Parts

/** Puts other parts in place of the manager's while an effect runs. */
const withParts = <A, E, R>(parts: (real: Parts) => Partial<Parts>, effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const before = Object.getOwnPropertyDescriptors(real)
    Object.assign(real, parts({ ...(Object.fromEntries(names.map((name) => [name, real[name]])) as unknown as Parts) }))
    return Effect.ensuring(
      effect,
      Effect.sync(() => Object.defineProperties(real, before))
    )
  })

const names = ["list", "end", "read", "adding", "makingRoom", "endOf"] as const

interface Mutant {
  readonly fails: ReadonlyArray<string>
  readonly parts: (real: Parts) => Partial<Parts> & ThisType<Parts>
}

const managers: Readonly<Record<string, Mutant>> = {
  "a sign-in is not listed": {
    fails: [
      "two devices that sign in at once are both listed",
      "a sign-in beside endAll is listed, or over",
      "with a cap of 1, one of 2 sign-ins at once stays",
      "with a cap of 1, one of 20 sign-ins at once stays"
    ],
    parts: () => ({ list: () => Effect.succeed("Listed") })
  },
  "a sign-in is listed after it was answered": {
    fails: [
      "a sign-in beside endAll is listed, or over",
      "a second sign-in of a session beside endAll is listed, or over"
    ],
    parts: ({ list }) => ({
      list(...args) {
        return Effect.as(Effect.forkDetach(Effect.andThen(rest(200), list.apply(this, args))), "Listed")
      }
    })
  },
  "a change of id does not confirm its entry": {
    fails: [
      "a regenerate beside endAll leaves nothing",
      "a renewal beside endAll leaves nothing",
      "a renewal with a write beside endAll leaves nothing",
      "the renewal of one device beside endOthers of another leaves only the other",
      "with a cap of 1, the renewal of a session beside the sign-in that ends it leaves nothing"
    ],
    parts: ({ list }) => ({
      list(id, known, session) {
        return session.from === undefined ? list.call(this, id, known, session) : Effect.succeed("Listed")
      }
    })
  },
  "a change of id lists the session again if its entry is gone": {
    fails: [
      "a regenerate beside endAll leaves nothing, if ids are renewed",
      "a renewal beside endAll leaves nothing",
      "the renewal of one device beside endOthers of another leaves only the other"
    ],
    parts: ({ list }) => ({
      list(id, known, session) {
        return list.call(this, id, known, { ...session, from: undefined })
      }
    })
  },
  "endAll ends the sessions first, and marks their entries then": {
    fails: ["a regenerate beside endAll leaves nothing", "a renewal beside endAll leaves nothing"],
    parts: ({ endOf, read }) => ({
      end(id, which) {
        return Effect.flatMap(read.call(this, id), (known) =>
          Effect.andThen(
            endOf.call(this, known.register.entries.filter(which)),
            this.registers.change(id, known, ({ entries }) =>
              Effect.succeed({ entries: entries.filter((entry) => !which(entry)), result: undefined })
            )
          )
        )
      }
    })
  },
  "entries are taken out, and nothing is ended": {
    fails: ["a write beside endAll brings nothing back", "a touch beside endAll brings nothing back"],
    parts: () => ({ endOf: () => Effect.void })
  },
  "a cap counts what was listed before others came": {
    fails: [
      "with a cap of 1, one of 2 sign-ins at once stays",
      "with a cap of 1, one of 2 sign-ins at once is refused"
    ],
    parts: ({ makingRoom }) => {
      const counted = new Set<string>()
      return {
        makingRoom(register, entry) {
          if (counted.has(entry.family)) {
            return Effect.succeed({ entries: [...register.entries, entry], result: "Listed" })
          }
          counted.add(entry.family)
          return makingRoom.call(this, register, entry)
        }
      }
    }
  },
  "an entry gives way to that of an earlier id": {
    fails: [
      "a renewal that is listed after a regenerate with its new id leaves that listed",
      "a renewal that is listed after a second sign-in with its new id leaves that listed"
    ],
    parts: ({ adding }) => ({
      adding(session) {
        const planning = adding.call(this, session)
        return ({ entries, ...register }) =>
          planning({ ...register, entries: entries.map((entry) => ({ ...entry, moves: -1 })) })
      }
    })
  }
}

/** Brings sessions back that are gone. */
const reviving = (provider: Provider) => {
  const payloads = new Map<string, Uint8Array>()
  const noted = (id: SessionProvider.StoredId, payload: Uint8Array) => payloads.set(id, payload)
  return {
    payloads,
    calls: {
      create: (id, payload, ...rest) => {
        noted(id, payload)
        return provider.create(id, payload, ...rest)
      },
      regenerate: (move) => {
        noted(move.newId, move.payload)
        return provider.regenerate(move)
      },
      destroy: (id) => provider.destroy(id)
    } satisfies Partial<Provider>,
    revive: (id: SessionProvider.StoredId, ttl: Duration.Duration) =>
      provider.create(id, payloads.get(id)!, ttl) as Effect.Effect<SessionProvider.Written, never>
  }
}

const providers: Readonly<
  Record<string, { readonly fails: ReadonlyArray<string>; readonly change: (provider: Provider) => Partial<Provider> }>
> = {
  "a touch brings back what is gone": {
    fails: ["a touch beside endAll brings nothing back"],
    change: (provider) => {
      const { calls, revive } = reviving(provider)
      return {
        ...calls,
        touch: (id, ttl) =>
          Effect.flatMap(provider.touch(id, ttl), (result) =>
            result._tag === "Touched"
              ? Effect.succeed(result)
              : Effect.map(revive(id, ttl), ({ expiresAt }) => SessionProvider.touched(expiresAt))
          )
      }
    }
  },
  "a write brings back what is gone": {
    fails: ["a write beside endAll brings nothing back"],
    change: (provider) => {
      const { calls } = reviving(provider)
      return {
        ...calls,
        write: (id, payload, ttl, revision) =>
          Effect.flatMap(provider.write(id, payload, ttl, revision), (result) =>
            result._tag === "Gone"
              ? (provider.create(id, payload, ttl) as Effect.Effect<SessionProvider.Written>)
              : Effect.succeed(result)
          )
      }
    }
  },
  "records are overwritten, whatever they are by now": {
    fails: [
      "two devices that sign in at once are both listed",
      "two sign-ins of one visitor at once are two sessions, and both are listed"
    ],
    change: ({ principals }) => ({
      principals: {
        ...principals!,
        create: (id, ...rest) => Effect.andThen(principals!.destroy(id), principals!.create(id, ...rest)),
        write: (id, payload, ttl) =>
          Effect.andThen(
            principals!.destroy(id),
            principals!.create(id, payload, ttl) as Effect.Effect<SessionProvider.Written>
          )
      }
    })
  },
  "a replaced id has no mark": {
    fails: [
      "a request that comes with an id that a sign-in replaced begins no session, sets no cookie, and fails with Gone",
      "two requests that renew one id at once go on in one session, and the old id finds it for a while"
    ],
    change: (provider) => ({ regenerate: ({ mark: _, ...move }) => provider.regenerate(move) })
  },
  "a mark is not found": {
    fails: ["a sign-out beside a renewal ends the session under both ids"],
    change: () => ({ marked: () => Effect.succeedNone })
  },
  "an id is renewed twice": {
    fails: ["two requests that renew one id at once go on in one session, and the old id finds it for a while"],
    change: (provider) => ({
      regenerate: (move) =>
        Effect.flatMap(provider.regenerate(move), (result) =>
          result._tag === "Gone"
            ? (provider.create(move.newId, move.payload, move.ttl) as Effect.Effect<SessionProvider.Written>)
            : Effect.succeed(result)
        )
    })
  }
}

describe("the conformance suite, of people", () => {
  for (const [name, { fails, parts }] of Object.entries(managers)) {
    for (const one of fails) {
      it.effect(`where ${name}, it fails in: ${one}`, () => withParts(parts, failsIn(one)))
    }
  }

  for (const [name, { change, fails }] of Object.entries(providers)) {
    for (const one of fails) {
      it.effect(`where ${name}, it fails in: ${one}`, () => failsIn(one, change))
    }
  }

  it("has a mutant for each case", () => {
    const caught = new Set([...Object.values(managers), ...Object.values(providers)].flatMap(({ fails }) => fails))
    const renewing = / *, if ids are renewed$/
    const names = casesOf(() => ({})).map(({ name }) => name)
    expect(names.filter((name) => !caught.has(name) && !caught.has(name.replace(renewing, "")))).toEqual([])
  })

  it.effect("runs as it is again after that", () =>
    Effect.map(Effect.exit(casesOf(() => ({})).find(({ name }) => name.startsWith("two devices"))!.test), (exit) =>
      expect(Exit.isSuccess(exit)).toBe(true)
    )
  )
})
