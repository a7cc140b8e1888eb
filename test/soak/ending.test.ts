/**
 * The end of an app after SIGTERM, on each backend: without requests, among requests, and while the backend does not
 * answer. Its `timeout` is 2 seconds.
 */
import { Agent } from "node:http"
import { afterAll } from "vitest"
import * as Effect from "#effect/Effect"
import { describe, expect, it } from "#test/vitest"
import { suiteBeside } from "../servers/need.js"
import { isAlive } from "../servers/proc.js"
import { machineTimed } from "../support/machineTime.js"
import { type Backend, backends } from "./backends.js"
import { startApp } from "./process.js"
import { nothingFound, Visitor } from "./visitor.js"

const asked = process.env["SOAK_ON"]
const chosen = asked?.split(",") ?? ["file", "redis", "postgres"]

/** The seconds until the process has ended, per backend. */
const table: Record<string, Record<string, number>> = {}

type State = "idle" | "loaded" | "frozen"

const ending = ({ name, outlivesApp, start }: Backend, state: State) =>
  Effect.gen(function* () {
    const { server, variables } = yield* start
    if (state === "frozen" && server === undefined) return
    const app = yield* startApp(name, { ...variables, SESSION_TIMEOUT: "2 seconds" })
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Agent({ keepAlive: true })),
      (agent) => Effect.sync(() => agent.destroy())
    )
    const findings = nothingFound()
    let forgotten = 0
    const site = { port: app.port, agent, findings, forgotten: () => forgotten }
    let isOver = false
    const visits = Promise.all(Array.from({ length: 8 }, () => new Visitor(site).visit(() => isOver)))
    yield* Effect.sleep("1 second")
    if (state === "idle") isOver = true
    if (state === "frozen") yield* server!.pause
    yield* Effect.sleep("500 millis")
    if (!outlivesApp) forgotten++
    const [pid] = app.pids()
    process.kill(pid!, "SIGTERM")
    const [millis] = yield* machineTimed(
      Effect.promise(async () => {
        while (isAlive(pid!)) await new Promise((resolve) => setTimeout(resolve, 10))
      })
    ).pipe(Effect.timeout("40 seconds"))
    table[name] = { ...table[name], [state]: millis / 1000 }
    if (state === "frozen") yield* server!.resume
    yield* app.stop
    yield* app.start
    if (!outlivesApp) forgotten++
    isOver = true
    yield* Effect.promise(() => visits)
    const { refused: _, requests: __, unsure: ___, ...faults } = findings
    const { refused: ____, requests: _____, unsure: ______, ...none } = nothingFound()
    expect(faults).toEqual(none)
    expect(millis).toBeLessThan(3_000)
  }).pipe(Effect.scoped)

describe("the end of an app", () => {
  for (const backend of backends.filter(({ name }) => chosen.includes(name))) {
    suiteBeside(backend.name, backend.needs, () => {
      for (const state of ["idle", "loaded", "frozen"] as const) {
        it.live(state, () => ending(backend, state), 120_000)
      }
    })
  }
  afterAll(() => {
    if (asked !== undefined) console.table(table)
  })
})
