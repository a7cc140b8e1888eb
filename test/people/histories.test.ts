/**
 * Random histories of people and their devices, on a model of a few lines and on the real manager: what is live is live
 * with its data, what has ended is never seen again, the list is exactly what is live, and no cookie leads nowhere.
 */
import * as Memory from "effect-session/memory"
import * as FastCheck from "fast-check"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { it } from "#test/vitest"
import { onServers } from "../identity/backends.js"
import { key } from "../support/cookies.js"
import { soak, soakMillis } from "../support/soak.js"
import { minute } from "./model.js"
import { histories, play, quickHistories, type Step } from "./play.js"

const onMemory = (history: Parameters<typeof play>[1]) =>
  play(Layer.fresh(Memory.layer()), history, { isOnClock: true })

const visit = (action: Extract<Step, { readonly _tag: "Visit" }>["action"], browser = 0): Step => ({
  _tag: "Visit",
  action,
  browser,
  user: "ada",
  remember: undefined,
  process: 0,
  isLost: false,
  old: 0
})

const pass = (millis: number): Step => ({ _tag: "Pass", millis })

const named: Readonly<Record<string, readonly [max: number, ...steps: ReadonlyArray<Step>]>> = {
  "an id that was made for other rights is as old as they are": [
    1000,
    visit("in"),
    pass(11 * minute),
    visit("look"),
    pass(11 * minute),
    visit("renew"),
    visit("look"),
    pass(11 * minute),
    visit("in"),
    visit("look")
  ],
  "who has signed out is not counted as a device that could be ended": [
    2,
    visit("in", 0),
    visit("in", 1),
    visit("out", 1),
    visit("in", 2),
    visit("look", 0)
  ]
}

for (const [name, [max, ...steps]] of Object.entries(named)) {
  it.live(name, () => onMemory({ steps, max, whenExceeded: "end-oldest", looksAlways: false }))
}

it(
  "whatever people do, on a clock of the test",
  async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(histories, (history) => Effect.runPromise(onMemory(history))),
      { numRuns: soak(100, 3_000) }
    )
  },
  soakMillis(120_000, 900_000)
)

for (const atRest of ["id", { keys: [key()] }] as const) {
  it(
    `whatever people do, with sessions sealed ${atRest === "id" ? "under their ids" : "with keys"}`,
    async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(histories, (history) =>
          Effect.runPromise(play(Layer.fresh(Memory.layer()), history, { isOnClock: true, atRest }))
        ),
        { numRuns: soak(30, 3_000) }
      )
    },
    soakMillis(120_000, 900_000)
  )
}

onServers((kept, isMain) => {
  it.live(
    "whatever people do, as far as nothing has to expire",
    () =>
      Effect.flatMap(kept, (layer) =>
        Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(quickHistories, (history) =>
              Effect.runPromise(play(Layer.fresh(layer), history, { isOnClock: false }))
            ),
            { numRuns: soak(isMain ? 10 : 3, 200) }
          )
        )
      ),
    soakMillis(120_000, 900_000)
  )
})
