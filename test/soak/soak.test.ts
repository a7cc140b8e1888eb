/**
 * Visitors of an app while it and its backend are restarted, paused, killed, filled up, once each: nothing that was
 * acknowledged is lost. `npm run soak -- redis 15` does so for a quarter of an hour.
 */

import { Agent } from "node:http"
import * as Effect from "#effect/Effect"
import { describe, expect, it } from "#test/vitest"
import { suite } from "../servers/need.js"
import { type Backend, backends, type Trouble } from "./backends.js"
import { startApp, used } from "./process.js"
import { type Findings, nothingFound, Visitor } from "./visitor.js"

const asked = process.env["SOAK_ON"]
const minutes = Number(process.env["SOAK_MINUTES"] ?? 0)
const chosen = asked?.split(",") ?? ["file", "redis", "postgres"]

const soak = ({ name, outlivesApp, start }: Backend) =>
  Effect.gen(function* () {
    const { troubles, variables } = yield* start
    const app = yield* startApp(name, variables)
    const ofApp: ReadonlyArray<Trouble> = [
      { name: "the app is restarted", run: Effect.andThen(app.stop, app.start), forgets: !outlivesApp },
      { name: "the app is killed", run: Effect.andThen(app.kill, app.start), forgets: !outlivesApp }
    ]
    const findings: Findings = nothingFound()
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Agent({ keepAlive: true })),
      (agent) => Effect.sync(() => agent.destroy())
    )
    let forgotten = 0
    const site = { port: app.port, agent, findings, forgotten: () => forgotten }
    let isOver = false
    const visits = Promise.all(Array.from({ length: 8 }, () => new Visitor(site).visit(() => isOver)))
    const end = Date.now() + minutes * 60_000
    const befell: Record<string, number> = {}
    yield* Effect.sleep("2 seconds")
    const before = used(app.pids())
    const all = [...troubles, ...ofApp]
    for (let i = 0; i < all.length || Date.now() < end; i++) {
      const { forgets, name, run } = all[i % all.length]!
      if (forgets) forgotten++
      yield* run
      if (forgets) forgotten++
      befell[name] = (befell[name] ?? 0) + 1
      yield* Effect.sleep("1 second")
    }
    isOver = true
    yield* Effect.promise(() => visits)
    const after = used(app.pids())
    if (asked !== undefined) console.log(name, { befell, findings, before, after })
    return { findings, before, after }
  }).pipe(Effect.scoped)

describe.concurrent(minutes === 0 ? "each trouble once" : `${minutes} minutes of trouble`, () => {
  for (const backend of backends.filter(({ name }) => chosen.includes(name))) {
    suite(backend.name, backend.needs, () => {
      it.live(
        "loses nothing that was acknowledged, and answers every request",
        () =>
          Effect.gen(function* () {
            const { after, before, findings } = yield* soak(backend)
            const { refused, requests, unsure, ...faults } = findings
            expect(requests - refused).toBeGreaterThan(20)
            const { refused: _, requests: __, unsure: ___, ...none } = nothingFound()
            expect(faults).toEqual(none)
            expect(after.files).toBeLessThan(before.files + 50)
            expect(after.megabytes).toBeLessThan(before.megabytes + 200)
          }),
        (minutes + 4) * 60_000
      )
    })
  }
})
