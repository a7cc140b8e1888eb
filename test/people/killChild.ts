// A process that makes one request, or ends all of a person's sessions, and is killed after some call of its backend that
// changes something. It tells what its client was told.
import { SessionManager, SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { at } from "#test/clock"
import { visiting } from "./app.js"
import { type Asked, layerOf, optionsOf } from "./killed.js"

const { ahead, backend, cap, killedAfter, path, token, url, user }: Asked = JSON.parse(process.argv[2]!)

let calls = 0

/** Calls that change nothing: a process that stops after one has left behind what it had before. */
const harmless = ["read", "exists", "marked"]

/** Kills this process when the call has done what it does. */
const lethal = (operations: any): any =>
  Object.fromEntries(
    Object.entries<any>(operations).map(([name, operation]) => [
      name,
      typeof operation !== "function" || harmless.includes(name)
        ? operation
        : (...args: ReadonlyArray<unknown>) =>
            Effect.tap(operation(...args), () =>
              Effect.sync(() => {
                if (++calls === killedAfter) process.kill(process.pid, "SIGKILL")
              })
            )
    ])
  )

const dying = Layer.effect(
  SessionProvider.SessionProvider,
  Effect.map(SessionProvider.SessionProvider, (provider) => ({
    ...lethal(provider),
    principals: lethal(provider.principals)
  }))
)

// Without the trial of a layer, whose calls are none of the request's.
const manager = Layer.effect(SessionManager.SessionManager, SessionManager.make(optionsOf(cap)))

const task =
  path === undefined
    ? Effect.as(SessionManager.endAll(user), { status: 200 })
    : Effect.flatMap(visiting, (visit) => visit(path, token))

const told = await Effect.runPromise(
  task.pipe(
    Effect.provide(manager.pipe(Layer.provide(dying), Layer.provide(layerOf(backend, url)))),
    at(() => Date.now() + ahead)
  ) as Effect.Effect<unknown>
)
process.stdout.write(JSON.stringify(told))
