/**
 * A process that is busy for longer than a call may take: a reply that came in time counts, though nobody read it.
 */
import { connect } from "node:net"
import { Worker } from "node:worker_threads"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import { expect, it } from "#test/vitest"
import { bounded } from "../../src/Manager/Calls.js"
import { Line, patience } from "../../src/Manager/Turns.js"

/** A server in a thread of its own, which sends back what it gets. */
const echoing = Effect.acquireRelease(
  Effect.callback<{ readonly worker: Worker; readonly port: number }>((resume) => {
    const worker = new Worker(
      `const { createServer } = require("node:net")
       const server = createServer((socket) => socket.pipe(socket))
       server.listen(0, "127.0.0.1", () => require("node:worker_threads").parentPort.postMessage(server.address().port))`,
      { eval: true }
    )
    worker.once("message", (port) => resume(Effect.succeed({ worker, port })))
  }),
  ({ worker }) => Effect.promise(() => worker.terminate())
)

const connected = Effect.flatMap(echoing, ({ port }) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof connect>>((resume) => {
      const socket = connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
)

const ask = (socket: ReturnType<typeof connect>) =>
  Effect.callback<string>((resume) => {
    socket.once("data", (data) => resume(Effect.succeed(data.toString())))
    socket.write("reply")
  })

const beBusy = (millis: number) => {
  const end = performance.now() + millis
  while (performance.now() < end) {
    // As a long computation of the app is.
  }
}

it.live("a call whose reply came meanwhile succeeds", () =>
  Effect.gen(function* () {
    const socket = yield* connected
    const inTime = bounded(
      { name: "test", inProcess: false, answersWithin: Number.POSITIVE_INFINITY },
      Duration.millis(200)
    )
    const call = yield* Effect.forkChild(inTime(ask(socket)))
    yield* Effect.yieldNow
    beBusy(600)
    expect(yield* Fiber.join(call)).toBe("reply")
  })
)

it.live("a commit whose turn came meanwhile has its turn", () =>
  Effect.gen(function* () {
    const socket = yield* connected
    const line = new Line(patience("test", Duration.millis(200)))
    const first = yield* Effect.forkChild(line.take(ask(socket)))
    yield* Effect.yieldNow
    const second = yield* Effect.forkChild(line.take(Effect.succeed("second")))
    yield* Effect.yieldNow
    beBusy(600)
    expect([yield* Fiber.join(first), yield* Fiber.join(second)]).toEqual(["reply", "second"])
  })
)
