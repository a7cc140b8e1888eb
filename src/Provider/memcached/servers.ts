/**
 * memcached servers: a connection to each, with each key on one of them.
 */
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { fromCause, type SessionError } from "../../SessionError.js"
import * as Connection from "./connection.js"
import { type Command, version } from "./protocol.js"

export const backend = "memcached"

/** Sends a command to the server of its key. */
export type Ask = <A>(command: Command<A>) => Effect.Effect<A, Error>

/** Whether this is the `host:port` of a server. */
export const isAddress = (text: string): boolean => {
  const port = Number(/^[A-Za-z0-9._-]+:(\d{1,5})$/.exec(text)?.[1])
  return port > 0 && port < 65536
}

const toError = fromCause(backend, "connect")

const open = (address: string, timeoutMillis: number): Connection.Connection => {
  const [host, port] = address.split(":") as [string, string]
  return Connection.make(host, Number(port), timeoutMillis)
}

/**
 * Connects to the servers, and disconnects with the scope. `placeOf` returns the index of a key's server. Fails if no
 * server answers. If one of several does not, only the operations on its keys fail, and each of them tries to connect
 * again.
 */
export const connect = (
  addresses: ReadonlyArray<string>,
  placeOf: (key: string) => number,
  timeoutMillis: number
): Effect.Effect<Ask, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = yield* Effect.acquireRelease(
      // The longest delay of a timer.
      Effect.sync(() => addresses.map((address) => open(address, Math.min(timeoutMillis, 2 ** 31 - 1)))),
      (connections) =>
        Effect.sync(() => {
          for (const connection of connections) {
            connection.close()
          }
        })
    )
    const answers = yield* Effect.forEach(
      connections,
      ({ ask }, i) =>
        Effect.match(ask(version), {
          onFailure: (failure) => ({ address: addresses[i], error: toError(failure) }),
          onSuccess: () => undefined
        }),
      { concurrency: "unbounded" }
    )
    const away = answers.filter((answer) => answer !== undefined)
    if (away.length === answers.length) {
      return yield* away[0]!.error
    }
    for (const { address, error } of away) {
      yield* Effect.logWarning(`${address}: ${error.message}`)
    }
    return (command) => connections[placeOf(command.key)]!.ask(command)
  })
