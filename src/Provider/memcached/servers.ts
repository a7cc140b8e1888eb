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

/** A server as a user names it. */
export interface Server extends Connection.Place {
  /** Its address, without user and password. */
  readonly address: string
}

const hostAndPort = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]):(\d{1,5})$/

/**
 * Parses the address of a server: `host:port`, `[::1]:port`, or the absolute path of a socket; `user:password@` may come
 * first. Returns undefined if it is none.
 */
export const serverAt = (text: string): Server | undefined => {
  const [, user, password, address = ""] = /^(?:([^:@]+):([^@]*)@)?(.*)$/.exec(text) ?? []
  const [, host, digits] = hostAndPort.exec(address) ?? []
  const port = Number(digits)
  const path = /^(?:unix:(?:\/\/)?)?(\/[^\0\r\n]*)$/.exec(address)?.[1]
  const at =
    path !== undefined
      ? { path }
      : host !== undefined && port > 0 && port < 65536
        ? { host: host.replace(/[[\]]/g, ""), port }
        : undefined
  try {
    const login = user === undefined ? undefined : [user, password!].map(decodeURIComponent).join(" ")
    return at && { address, at, login }
  } catch {
    return undefined
  }
}

/** The servers of a URL, each once; undefined for what is none. beego's separator is the semicolon. */
export const serversIn = (url: string): ReadonlyArray<Server | undefined> =>
  [...new Set(url.split(/[,;]/).map((address) => address.trim()))].map(serverAt)

/** Whether all are servers. */
export const areServers = (found: ReadonlyArray<Server | undefined>): found is ReadonlyArray<Server> =>
  found.every((server) => server !== undefined)

const toError = fromCause(backend, "connect")

/** Servers that are connected. */
export interface Servers {
  /** Asks the server of a command's key. */
  readonly ask: Ask
  /** Those that answered, each by itself. */
  readonly present: ReadonlyArray<Member>
}

export interface Member {
  readonly address: string
  readonly ask: Ask
}

/**
 * Connects to the servers, and disconnects with the scope. `placeOf` returns the index of a key's server. Fails if no
 * server answers. If one of several does not, only the operations on its keys fail, and each of them tries to connect
 * again.
 */
export const connect = (
  servers: ReadonlyArray<Server>,
  placeOf: (key: string) => number,
  timeoutMillis: number
): Effect.Effect<Servers, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = yield* Effect.acquireRelease(
      // The longest delay of a timer.
      Effect.sync(() => servers.map((server) => Connection.make(server, Math.min(timeoutMillis, 2 ** 31 - 1)))),
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
          onFailure: (failure) => ({ address: servers[i]!.address, error: toError(failure) }),
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
    return {
      ask: (command) => connections[placeOf(command.key)]!.ask(command),
      present: connections.flatMap(({ ask }, i) =>
        answers[i] === undefined ? [{ address: servers[i]!.address, ask }] : []
      )
    }
  })
