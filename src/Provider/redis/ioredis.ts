/**
 * ioredis for the providers: connections on which no command waits for long and none pile up, and their commands.
 */
import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from "ioredis"
import { inMachineTime } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import { isSessionError, SessionError, unavailable } from "../../SessionError.js"
import { driver } from "../internal/driver.js"
import { addresses } from "./addresses.js"
import { failureOf, isDemoted, isReply, isSilence } from "./failures.js"
import { type Link, makeLink, unheard } from "./link.js"
import type { Script } from "./scripts.js"

/**
 * Options with which a command gets its reply within `timeout` or fails, whatever state the server is in. While there
 * is no connection, commands fail at once, since a queue would grow without bound. Connecting is retried until it
 * succeeds. A connection on which a reply is overdue is given up, with all commands that wait on it: so early that there
 * is time to make them again, unless it `isPatient`, because most of its calls cannot be made again, or take long.
 */
export const boundedOptions = (
  timeout: Duration.Duration,
  isPatient: boolean
): RedisOptions & { readonly protocol: 2 } => {
  let demotedAt = Number.NEGATIVE_INFINITY
  return {
    // ioredis 6 would ask for the third, which LedisDB and SSDB do not speak; version 5 has no other.
    protocol: 2,
    connectTimeout: Duration.toMillis(timeout),
    socketTimeout: (isPatient ? 1 : 0.6) * Duration.toMillis(timeout),
    // Proxies forget an idle connection after some minutes.
    keepAlive: 30_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
    // A server's own guess of how long it loads, after which ioredis looks again, can be far off.
    maxLoadingRetryTime: 500,
    // How long a server may take to close a connection.
    disconnectTimeout: 250,
    // The name, or the sentinels, may lead to another server by now. If not, this does not cost a connection per write.
    reconnectOnError: ({ message }) => {
      const isDue = isDemoted(message) && performance.now() > demotedAt + 1000
      if (isDue) {
        demotedAt = performance.now()
      }
      return isDue
    }
  }
}

/**
 * The options of {@link boundedOptions} for a cluster. A command that a node redirects is sent to another, for at most
 * twice the `timeout` in total. After a lost connection nothing is sent again by ioredis: {@link Link} knows what may be.
 */
export const boundedClusterOptions = (timeout: Duration.Duration, redisOptions: RedisOptions): ClusterOptions => ({
  redisOptions: { commandTimeout: 2 * Duration.toMillis(timeout), ...redisOptions },
  retryDelayOnFailover: 0,
  // While a node's connection is being made, ioredis asks another one, which names that node again: at once, its 16 tries would be
  // over before the connection is there.
  retryDelayOnMoved: 50,
  clusterRetryStrategy: (attempt) => Math.min(attempt * 50, 500),
  slotsRefreshTimeout: Duration.toMillis(timeout)
})

/** The classes of ioredis, with options as its versions 5 and 6 both take them: the types of 6 refuse options that may be undefined. */
interface Classes {
  readonly Redis: new (options: RedisOptions) => Redis
  readonly Cluster: new (nodes: Array<ClusterNode>, options: ClusterOptions) => Cluster
}

/**
 * Connects a client. It is disconnected with the scope, at once: a `quit` would wait for a server that does not answer.
 * Fails with `Unavailable` if there is no connection within `timeout`, and with `InvalidConfig` if `check` refuses the
 * server.
 */
export const connected = <C extends Redis | Cluster>(
  backend: string,
  timeout: Duration.Duration,
  open: (driver: Classes) => C,
  check: (client: C) => Promise<void> = async () => {},
  isPatient = false
): Effect.Effect<Link<C>, SessionError, Scope.Scope> =>
  Effect.flatMap(driver(backend, "ioredis"), (driver) =>
    Effect.acquireRelease(
      Effect.sync(() => makeLink(open(driver as Classes), Duration.toMillis(timeout), isPatient)),
      ({ client }) => Effect.sync(() => client.disconnect())
    ).pipe(
      Effect.tap(({ client, reason }) =>
        Effect.tryPromise({
          try: () => ready(client, reason).then(() => check(client)),
          catch: (cause) => cause
        }).pipe(
          Effect.timeoutOption(timeout),
          inMachineTime,
          Effect.flatMap(Option.match({ onNone: () => Effect.fail(unheard(client)), onSome: () => Effect.void })),
          // What a server refuses says more than that another one is away.
          Effect.mapError((error) => toError(backend, isRefusal(error) ? error : (reason() ?? error)))
        )
      )
    )
  )

/** Connects, for the first time: a server that is silent, or a cluster whose first node is, gets another connection. */
const ready = (client: Redis | Cluster, reason: () => unknown): Promise<void> =>
  new Promise((resolve, reject) => {
    // Of a cluster that is not ready at first, `connect` never returns.
    client.once("ready", () => resolve())
    client.connect().catch((error) => {
      if (!isSilence(reason())) {
        reject(error)
      }
    })
  })

/**
 * Connects to one server. Fails with `Unavailable` if there is no connection, and with `InvalidConfig` if an option is
 * wrong. `isPatient` gives each reply all of `timeout`.
 */
export const server = (
  backend: string,
  timeout: Duration.Duration,
  url: string | Redacted.Redacted,
  defaultPort: number,
  options: RedisOptions | undefined,
  {
    check,
    isPatient = false,
    open = (client) => client
  }: {
    readonly open?: (client: Redis) => Redis
    readonly check?: (client: Redis) => Promise<void>
    readonly isPatient?: boolean
  } = {}
): Effect.Effect<Link<Redis>, SessionError, Scope.Scope> =>
  Effect.flatMap(addresses(url, defaultPort, false), ({ path, servers, shared }) =>
    connected(
      backend,
      timeout,
      ({ Redis }) =>
        open(
          mended(
            new Redis({
              ...boundedOptions(timeout, isPatient),
              ...(path === undefined ? servers[0] : { path }),
              ...shared,
              ...options,
              lazyConnect: true
            })
          )
        ),
      check,
      isPatient
    )
  )

/**
 * Stops waiting for replies on a connection that is closed: ioredis would go on, and then give up the next connection.
 */
const forgetsSilence = (client: Redis): Redis =>
  client.on("close", () => {
    const waiting = client as unknown as { socketTimeoutTimer: NodeJS.Timeout | undefined }
    clearTimeout(waiting.socketTimeoutTimer)
    waiting.socketTimeoutTimer = undefined
  })

/** Whether a server refused the database that it was asked for. */
const isOfDatabase = (cause: unknown): boolean =>
  cause instanceof Error &&
  (cause as Error & { readonly command?: { readonly name: string } }).command?.name === "select"

/** Gives a connection up whose database the server refused: ioredis would go on in database 0. */
const inItsDatabase = (client: Redis): Redis =>
  client.on("error", (error) => {
    if (isOfDatabase(error)) {
      client.disconnect(true)
    }
  })

const isRefusal = (cause: unknown): boolean => isSessionError(cause) || isReply(cause)

const toError = (backend: string, cause: unknown): SessionError => {
  if (isSessionError(cause)) {
    return cause
  }
  const failure = failureOf(cause)
  return isOfDatabase(cause)
    ? new SessionError({
        reason: "InvalidConfig",
        message: `url, the database: ${failure.words}${failure.advice === undefined ? "" : `: ${failure.advice}`}`
      })
    : unavailable(backend, "connect", failure)
}

/** Makes up for what ioredis gets wrong on each connection. */
export const mended = (client: Redis): Redis => forgetsSilence(inItsDatabase(client))

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
