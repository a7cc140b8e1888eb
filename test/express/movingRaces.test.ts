// Whatever happens at once while a session moves, and in whatever order the calls of the backends are answered.
import type { SessionProvider } from "effect-session"
import { SessionProvider as Providers } from "effect-session"
import * as Memory from "effect-session/memory"
import * as FastCheck from "fast-check"
import { expect, it } from "vitest"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { type Handler, increment, signOut } from "../people/site.js"
import { before, idIn, moving } from "../support/moving.js"
import { soak } from "../support/soak.js"

/** A server whose calls take effect one by one, when `turn` says so. */
const server = (turn: () => Promise<void>) => {
  const memory = Memory.make()
  const provider: SessionProvider.Provider = {
    ...memory,
    ...Providers.mapCalls(
      memory,
      () => (call) => Effect.andThen(Effect.promise(turn), call),
      (list) => Stream.unwrap(Effect.as(Effect.promise(turn), list))
    ),
    capabilities: { ...memory.capabilities, inProcess: false }
  }
  /** Writes a session whole, as express does: in one step, whatever is there. */
  const overwrite = (id: SessionProvider.StoredId, payload: Uint8Array) =>
    Effect.andThen(
      Effect.promise(turn),
      Effect.andThen(memory.destroy(id), memory.create(id, payload, Duration.days(14)))
    )
  /** Ends a session that is as it was, as express does, and tells whether it was. */
  const end = (id: SessionProvider.StoredId, payload: Uint8Array) =>
    Effect.andThen(
      Effect.promise(turn),
      Effect.flatMap(memory.read(id), (found) =>
        Option.isSome(found) && Buffer.compare(found.value.payload, payload) === 0
          ? Effect.as(memory.destroy(id), true)
          : Effect.succeed(false)
      )
    )
  return { provider, overwrite, end }
}

const count: Handler<number> = (session) => session.get("count")

const ends: Readonly<Record<string, Handler<void>>> = {
  "signs out": signOut,
  "gets a new id": (session) => session.regenerate
}

const steps = FastCheck.record({
  requests: FastCheck.array(FastCheck.tuple(FastCheck.nat(1), FastCheck.constantFrom("look", "increment")), {
    minLength: 2,
    maxLength: 5
  }),
  end: FastCheck.constantFrom(undefined, undefined, ...Object.keys(ends)),
  // What a process of before does: write the session whole, at the end of a request that read it before, or end it.
  there: FastCheck.constantFrom(undefined, "overwrite", "end")
})

it(
  "no change is lost, nobody is signed out, and nobody who has signed out is back",
  () =>
    FastCheck.assert(
      FastCheck.asyncProperty(steps, FastCheck.scheduler(), ({ end, requests, there }, scheduler) =>
        Effect.runPromise(
          Effect.scoped(
            Effect.gen(function* () {
              let turn = () => Promise.resolve()
              const { end: endThere, overwrite, provider: from } = server(() => turn())
              const places = { from, to: server(() => turn()).provider }
              const browser = (yield* before(places)).browser()
              yield* browser.go(increment)
              const { cookie } = browser
              const id = idIn(cookie)
              const { payload } = Option.getOrThrow(yield* from.read(id))
              const sites = yield* Effect.all([moving(places), moving(places)])
              turn = () => scheduler.schedule(Promise.resolve())

              const using = requests.map(([at, what]) =>
                Effect.map(sites[at]!.send(cookie, what === "look" ? count : increment), (answer) => ({
                  what,
                  ...answer
                }))
              )
              /** What is seen by requests that come when the answer to the end has arrived. */
              const ending =
                end === undefined
                  ? Effect.succeed([])
                  : Effect.andThen(
                      sites[0].send(cookie, ends[end]!),
                      Effect.all([sites[0].send(cookie, count), sites[1].send(cookie, count)])
                    )
              const [answers, seen, hasEndedThere] = yield* Effect.promise(() =>
                scheduler.waitFor(
                  Effect.runPromise(
                    Effect.all(
                      [
                        Effect.all(using, { concurrency: "unbounded" }),
                        ending,
                        there === undefined
                          ? Effect.succeed(false)
                          : there === "end"
                            ? endThere(id, payload)
                            : Effect.as(overwrite(id, payload), false)
                      ],
                      { concurrency: "unbounded" }
                    )
                  )
                )
              )
              turn = () => Promise.resolve()

              const last = yield* sites[1].send(cookie, count)
              if (hasEndedThere) {
                expect(last.body).toBe(0)
              } else if (end === undefined) {
                const changes = answers.filter(({ what }) => what === "increment")
                expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
                expect(last.body).toBe(1 + changes.length)
              } else {
                expect([...seen, last].map(({ body }) => body)).toEqual([...seen, last].map(() => 0))
                expect(yield* from.exists(id)).toBe(false)
              }
            })
          )
        )
      ),
      { numRuns: soak(50, 3_000) }
    ),
  soak(120_000, 900_000)
)
