/**
 * The demo as a process of its own, on a backend whose client takes its time: from its start to its end.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import * as Effect from "#effect/Effect"
import * as program from "#test/program"
import { expect, it } from "#test/vitest"
import { root } from "../../scripts/programs.mjs"
import * as Couchbase from "../servers/Couchbase.js"
import { freePorts, host, until } from "../servers/Process.js"
import { machineTimed } from "../support/machineTime.js"

it.live("a request that comes as soon as it listens is answered, and SIGTERM ends it at once", () =>
  Effect.gen(function* () {
    const target = yield* Couchbase.make()
    const [port] = yield* Effect.promise(() => freePorts(1))
    const demo = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--import", "tsx", join(root, "example/main.ts")], {
          cwd: root,
          env: {
            ...program.env,
            PORT: `${port}`,
            SESSION_PROVIDER: "couchbase",
            SESSION_URL: Couchbase.sessionUrl(target)
          },
          stdio: "ignore"
        })
      ),
      (demo) => Effect.sync(() => demo.kill("SIGKILL"))
    )
    const visit = () => fetch(`http://${host}:${port}/visits`, { signal: AbortSignal.timeout(10_000) })
    // A connection that is refused fails at once; one that is taken has to be answered.
    const first = yield* Effect.promise(() =>
      until(() => visit().catch((error) => (error.name === "TimeoutError" ? undefined : Promise.reject(error))))
    )
    expect(first?.status).toBe(200)
    const ended = new Promise((resolve) => demo.once("exit", resolve))
    demo.kill("SIGTERM")
    const [time, code] = yield* machineTimed(Effect.promise(() => ended))
    expect(code).toBe(program.stopped)
    expect(time).toBeLessThan(2_000)
  })
)
