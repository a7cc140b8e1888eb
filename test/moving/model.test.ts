// Sessions and lists of people under random schedules: processes that move them to and fro, and backends that fail.

import { SessionConfig, type SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { describe, expect, it } from "#test/vitest"
import { ended } from "../../src/Manager/marks.js"
import { atBoth } from "../../src/Manager/moving/ownLayout.js"
import { mapCalls, type Records, type StoredId } from "../../src/Provider/Provider.js"
import { SessionError } from "../../src/SessionError.js"

/** Random numbers that a seed gives again. */
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const away = new SessionError({ reason: "Unavailable", message: "away" })

const turns = (n: number): Effect.Effect<void> =>
  n === 0
    ? Effect.void
    : Effect.andThen(
        Effect.yieldNow,
        Effect.suspend(() => turns(n - 1))
      )

/** A backend each of whose calls takes a while, and may fail before or after it has had its effect. */
const unsteady = (provider: SessionProvider.Provider, pick: (below: number) => number, failures: number) => ({
  ...provider,
  ...mapCalls(
    provider,
    () =>
      <A>(call: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
        Effect.suspend(() => {
          const fate = pick(100)
          const slowly = Effect.andThen(turns(pick(6)), call)
          return fate < failures
            ? Effect.andThen(turns(pick(6)), Effect.fail(away))
            : fate < 2 * failures
              ? Effect.andThen(slowly, Effect.fail(away))
              : Effect.tap(slowly, () => turns(pick(6)))
        }),
    (list) => list
  )
})

const ttl = Duration.minutes(30)
const id = "a".repeat(43) as StoredId

/** Entries, one a line; the first byte is not one of those of a move. */
const encode = (entries: ReadonlyArray<string>): Uint8Array => Buffer.from(`~\n${entries.join("\n")}`)
const decode = (payload: Uint8Array): ReadonlyArray<string> =>
  Buffer.from(payload)
    .toString()
    .split("\n")
    .slice(1)
    .filter((entry) => entry !== "")

type Done = boolean | "gone"

/** Adds an entry by compare-and-set, as a list of a person or the log of a session would be changed. */
const add = (
  { create, read, write }: Pick<Records<SessionError>, "create" | "read" | "write">,
  entry: string,
  begins: boolean
): Effect.Effect<"added" | "gone", SessionError> =>
  Effect.flatMap(read(id), (found) =>
    Option.match(found, {
      onNone: (): Effect.Effect<Done, SessionError> =>
        begins
          ? Effect.map(create(id, encode([entry]), ttl), ({ _tag }): Done => _tag === "Written")
          : Effect.succeed<Done>("gone"),
      onSome: ({ payload, revision }) =>
        Effect.map(
          write(id, encode([...decode(payload), entry]), ttl, revision),
          ({ _tag }): Done => _tag === "Written"
        )
    })
  ).pipe(
    Effect.flatMap((done) =>
      done === "gone"
        ? Effect.succeed(done)
        : done
          ? Effect.succeed("added" as const)
          : add({ create, read, write }, entry, begins)
    )
  )

const config = Effect.runSync(SessionConfig.make({ idleTimeout: "30 minutes" }))

interface Plan {
  readonly seed: number
  readonly failures: number
  readonly ends: boolean
  readonly isList: boolean
}

/** What was lost or came back under this plan; nothing if all is well. */
const faultOf = ({ ends, failures, isList, seed }: Plan): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    const pick = random(seed)
    const [old, next] = [Memory.make(), Memory.make()]
    const processes = [0, 1].flatMap(() => [
      atBoth(unsteady(next, pick, failures), unsteady(old, pick, failures), config),
      atBoth(unsteady(old, pick, failures), unsteady(next, pick, failures), config)
    ])
    const at = (provider: SessionProvider.Provider) => (isList ? provider.principals! : provider)
    if (!isList) {
      yield* Effect.orDie(old.create(id, encode([]), ttl))
    }
    const [acknowledged, gone] = [new Set<string>(), [] as string[]]
    let hasEnded = false
    let mayHaveEnded = false
    yield* Effect.forEach(
      processes,
      (process, p) =>
        Effect.forEach([0, 1, 2, 3, 4], (n) => {
          const entry = `${p}.${n}`
          if (ends && pick(12) === 0) {
            return Effect.suspend(() => {
              mayHaveEnded = true
              return Effect.map(Effect.option(process.destroy(id, ended)), (done) => {
                hasEnded ||= Option.isSome(done)
              })
            })
          }
          return Effect.suspend(() => {
            const wasOver = hasEnded
            return Effect.map(Effect.option(add(at(process), entry, isList)), (done) => {
              if (Option.isSome(done)) {
                if (done.value === "added") {
                  acknowledged.add(entry)
                  if (wasOver) {
                    gone.push(`${entry} was added after the end`)
                  }
                } else if (!mayHaveEnded) {
                  gone.push(`${entry} met nothing`)
                }
              }
            })
          })
        }),
      { concurrency: "unbounded" }
    )
    if (gone.length > 0) {
      return gone.join(", ")
    }
    const steady = [atBoth(next, old, config), atBoth(old, next, config)]
    for (const process of steady) {
      const found = yield* Effect.orDie(at(process).read(id))
      if (hasEnded) {
        if (Option.isSome(found)) {
          return "came back"
        }
      } else if (!mayHaveEnded && acknowledged.size > 0) {
        const there = Option.isSome(found) ? decode(found.value.payload) : []
        const lost = [...acknowledged].filter((entry) => !there.includes(entry))
        if (lost.length > 0) {
          return `lost ${lost.join(" ")} of ${acknowledged.size}`
        }
      }
    }
    return undefined
  })

const runs = Number(process.env["MODEL_RUNS"] ?? 150)

describe("under random schedules", () => {
  for (const [what, plan] of Object.entries({
    "no change of a session is lost": { failures: 0, ends: false, isList: false },
    "no change of a session is lost if backends fail": { failures: 3, ends: false, isList: false },
    "an ended session stays ended": { failures: 0, ends: true, isList: false },
    "an ended session stays ended if backends fail": { failures: 3, ends: true, isList: false },
    "no entry of a list is lost": { failures: 0, ends: false, isList: true },
    "no entry of a list is lost if backends fail": { failures: 3, ends: false, isList: true }
  })) {
    it.live(what, () =>
      Effect.gen(function* () {
        const faults = yield* Effect.forEach(
          Array.from({ length: runs }, (_, i) => i + 1),
          (seed) =>
            Effect.map(faultOf({ ...plan, seed }), (fault) => (fault === undefined ? [] : [`${seed}: ${fault}`])),
          { concurrency: 8 }
        )
        expect(faults.flat().slice(0, 5)).toEqual([])
      })
    )
  }
})
