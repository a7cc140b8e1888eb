/**
 * ioredis for the providers: connections on which no command waits for long and none pile up, and errors.
 */
import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis"
import { inMachineTime } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import { codeOf } from "../../internal/codeOf.js"
import { checkBackend, Failure } from "../../internal/failure.js"
import { SessionError, unavailable } from "../../SessionError.js"
import { driver } from "../internal/driver.js"
import { plainUrl } from "../internal/environment.js"
import type { Script } from "./scripts.js"

/** A server's address, with the connection options in its URL. */
export interface Address extends Pick<RedisOptions, "username" | "password" | "db" | "tls"> {
  readonly host: string
  readonly port: number
}

/**
 * Parses the addresses in a list such as `redis://user:password@host:6379/0,host2:6380`. Only the first needs a scheme.
 * Fails with `InvalidConfig`, which names the option and does not repeat the URL: it may hold a password.
 */
export const addresses = (
  option: string,
  url: string | Redacted.Redacted,
  defaultPort: number
): Effect.Effect<ReadonlyArray<Address>, SessionError> =>
  Effect.forEach(plainUrl(url).split(","), (part) =>
    Effect.try({
      try: (): Address => {
        const text = part.trim()
        const parsed = new URL(text.includes("://") ? text : `redis://${text}`)
        const db = parsed.pathname.replace(/^\//, "")
        if (!/^rediss?:$/.test(parsed.protocol) || parsed.hostname === "" || !/^\d*$/.test(db)) {
          throw new TypeError("not a Redis URL")
        }
        return {
          host: decodeURIComponent(parsed.hostname.replace(/^\[(.*)\]$/, "$1")),
          port: parsed.port === "" ? defaultPort : Number(parsed.port),
          ...(parsed.username === "" ? {} : { username: decodeURIComponent(parsed.username) }),
          ...(parsed.password === "" ? {} : { password: decodeURIComponent(parsed.password) }),
          ...(db === "" ? {} : { db: Number(db) }),
          ...(parsed.protocol === "rediss:" ? { tls: {} } : {})
        }
      },
      catch: () =>
        new SessionError({
          reason: "InvalidConfig",
          message: `${option}: expected redis://user:password@host:port/database, or host:port, separated by commas`
        })
    })
  )

/**
 * Options with which a command gets its reply within `timeout` or fails, whatever state the server is in. While there
 * is no connection, commands fail at once, since a queue would grow without bound. Connecting is retried until it
 * succeeds.
 */
export const boundedOptions = (timeout: Duration.Duration): RedisOptions => {
  const millis = Duration.toMillis(timeout)
  return {
    connectTimeout: millis,
    // A connection on which a reply is overdue is given up, with all commands that wait on it.
    socketTimeout: millis,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
    // How long a server may take to close a connection.
    disconnectTimeout: 250
  }
}

/**
 * The options of {@link boundedOptions} for a cluster. A command that one node does not answer is sent to another, for
 * at most twice the `timeout` in total, so that it survives a redirection or a broken connection.
 */
export const boundedClusterOptions = (timeout: Duration.Duration, redisOptions: RedisOptions): ClusterOptions => ({
  redisOptions: { commandTimeout: 2 * Duration.toMillis(timeout), ...redisOptions },
  enableOfflineQueue: false,
  clusterRetryStrategy: (attempt) => Math.min(attempt * 50, 500),
  slotsRefreshTimeout: Duration.toMillis(timeout)
})

/**
 * Connects a client. It is disconnected with the scope, at once: a `quit` would wait for a server that does not answer.
 * Fails with `Unavailable` if there is no connection within `timeout`.
 */
export const connected = <C extends Redis | Cluster>(
  backend: string,
  timeout: Duration.Duration,
  open: (driver: Pick<typeof import("ioredis"), "Cluster" | "Redis">) => C
): Effect.Effect<C, SessionError, Scope.Scope> =>
  Effect.flatMap(driver(backend, "ioredis"), (driver) => {
    let cause: unknown
    return Effect.acquireRelease(
      Effect.sync(() => {
        const client = open(driver)
        // Without a listener ioredis prints each error. The commands that an error affects fail with it.
        client.on("error", (error) => {
          cause = error
        })
        return client
      }),
      (client) => Effect.sync(() => client.disconnect())
    ).pipe(
      Effect.tap((client) =>
        Effect.tryPromise(() => client.connect()).pipe(
          Effect.timeout(timeout),
          inMachineTime,
          Effect.mapError((error) => unavailable(backend, "connect", failureOf(cause ?? error)))
        )
      )
    )
  })

/**
 * Connects to one server. Fails with `Unavailable` if there is no connection, and with `InvalidConfig` if an option is
 * wrong.
 */
export const server = (
  backend: string,
  timeout: Duration.Duration,
  url: string | Redacted.Redacted,
  defaultPort: number,
  options: RedisOptions | undefined
): Effect.Effect<Redis, SessionError, Scope.Scope> =>
  Effect.flatMap(addresses("url", url, defaultPort), ([address]) =>
    connected(
      backend,
      timeout,
      ({ Redis }) => new Redis({ ...boundedOptions(timeout), ...address, ...options, lazyConnect: true })
    )
  )

/**
 * The failure that may be passed on. Redis begins its errors with a code, such as `READONLY` or `OOM`; the rest may name
 * keys.
 */
export const failureOf = (cause: unknown): Failure => {
  if (cause instanceof Failure) {
    return cause
  }
  if (cause instanceof Error) {
    const reply = /^(?:Ready check failed: )?([A-Z]{3,})\b/.exec(cause.message)?.[1]
    if (reply !== undefined) {
      return new Failure(reply, checkBackend)
    }
    if ("lastNodeError" in cause && cause.lastNodeError !== null) {
      return failureOf(cause.lastNodeError)
    }
  }
  return new Failure(codeOf(cause) ?? "no connection", checkBackend)
}

/** A command and its arguments. */
export type Command = readonly [command: string, ...args: Array<string | number | Buffer>]

/** Sends commands together on one connection, and returns their replies. Rejects with the first error. */
export const pipelined = async (
  client: Redis | Cluster,
  commands: ReadonlyArray<Command>
): Promise<ReadonlyArray<unknown>> => {
  const pipeline = client.pipeline()
  for (const [command, ...args] of commands) {
    pipeline.callBuffer(command, ...args)
  }
  const results = (await pipeline.exec()) ?? []
  return results.map(([error, reply]) => {
    if (error !== null) {
      throw error
    }
    return reply
  })
}

/**
 * Sends scripts by their SHA-1. A server that does not have a script gets it in full once, however many calls find that
 * out at the same time.
 */
export const scriptLoader = () => {
  const loading = new Map<Script, Promise<unknown>>()
  const send = <A>(script: Script, command: (name: "evalsha" | "eval", text: string) => Promise<A>): Promise<A> =>
    command("evalsha", script.sha).catch((cause) => {
      if (!(cause instanceof Error && cause.message.startsWith("NOSCRIPT"))) {
        throw cause
      }
      const other = loading.get(script)
      if (other !== undefined) {
        return other.then(() => send(script, command))
      }
      const first = command("eval", script.source)
      const done = () => loading.delete(script)
      loading.set(script, first.then(done, done))
      return first
    })
  return send
}
