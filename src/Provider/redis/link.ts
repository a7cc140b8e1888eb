/**
 * A connection that comes back by itself, and the calls over it. A call whose connection is lost, because a proxy closed
 * it while it was idle or the server was restarted, is made once more within its time. Only what certainly never left is
 * sent again if a server could not tell that it is the same.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Cluster, Redis, RedisOptions } from "ioredis"
import { checkBackend, Failure } from "../../internal/failure.js"
import { isAnswer, isDemoted, isSilence, sentinelFailureOf } from "./failures.js"

export interface Link<C extends Redis | Cluster = Redis | Cluster> {
  readonly client: C
  /**
   * Makes a call. `repeatable` says that it may be made again after the first time was executed; `tells` then whether the
   * second reply tells what became of it. If not, it fails: nobody knows.
   */
  readonly call: <A>(
    run: () => Promise<A>,
    repeatable: boolean,
    tells?: (reply: A) => boolean | Promise<boolean>
  ) => Promise<A>
  /** The driver's last error, while there is no connection. */
  readonly reason: () => unknown
}

/** A client that the app made: how it treats lost connections is the app's choice. */
export const ownLink = (client: Redis | Cluster): Link => ({
  client,
  call: (run) => run(),
  reason: () => undefined
})

/** A connection on which nothing was heard for longer may have been forgotten by a proxy. In milliseconds. */
const idle = 1000

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : "")

const neverSent = /^(Stream isn't writeable|Cluster isn't ready)/
/** What follows from an error that was told before, or is told better. */
const consequence = /^(Ready check failed: )?(Stream isn't|Connection is closed|All sentinels are unreachable)/
const lost = /^(Connection is closed|Command aborted|Reached the max retries)/

/** What there is to say if nothing was heard of a server. */
export const unheard = ({ options }: Redis | Cluster): Failure =>
  new Failure(
    "no connection",
    ("redisOptions" in options ? options.redisOptions?.tls : (options as RedisOptions).tls) === undefined
      ? checkBackend
      : `${checkBackend}, and that it speaks TLS, which rediss:// says`
  )

/** The clients of a cluster's masters, or of the one server. */
export const mastersOf = (client: Redis | Cluster): ReadonlyArray<Redis> =>
  client.isCluster ? (client as Cluster).nodes("master") : [client as Redis]

/** Gives a connection up that does not answer. */
const checkAlive = async (node: Redis, millis: number): Promise<void> => {
  if (node.status === "ready") {
    const timer = setTimeout(() => node.stream?.destroy(), millis)
    await node.ping().catch(() => {})
    clearTimeout(timer)
  }
}

/**
 * Watches a client. After a loss, calls wait for the connection for a part of `timeout`, in milliseconds; from then on
 * they fail at once until there is one. If it `isPatient`, every call on an idle connection asks first whether it is alive,
 * and may then take long.
 */
export const makeLink = <C extends Redis | Cluster>(client: C, timeout: number, isPatient = false): Link<C> => {
  let last: unknown
  let heard = performance.now()
  let gaveUp = false
  let waiting: Promise<void> | undefined
  let asking: Promise<void> | undefined
  let settle: (error?: unknown) => void = () => {}

  const noConnection = () => last ?? unheard(client)

  const isUp = (): boolean =>
    client.status === "ready" && (client.isCluster || (client as Redis).stream?.writable === true)

  const heardOf = (error: unknown) => {
    if (!consequence.test(messageOf(error))) {
      last = error
    }
  }
  // Without a listener ioredis prints each error.
  client.on("error", heardOf)
  client.on("node error", heardOf)
  client.on("sentinelError", (error: Error) => {
    const failure = sentinelFailureOf(error)
    last = isAnswer(failure) ? failure : (last ?? failure)
  })
  client.on("ready", () => {
    if (isUp()) {
      last = undefined
      gaveUp = false
      settle()
    }
  })
  client.on("end", () => {
    gaveUp = true
    settle(noConnection())
  })

  /** Waits for the connection. */
  const up = (): Promise<void> => {
    if (isUp()) {
      return Promise.resolve()
    }
    if (gaveUp) {
      return Promise.reject(noConnection())
    }
    waiting ??= new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        gaveUp = true
        settle(noConnection())
      }, 0.4 * timeout)
      settle = (error) => {
        clearTimeout(timer)
        waiting = undefined
        settle = () => {}
        error === undefined ? resolve() : reject(error)
      }
    })
    return waiting
  }

  /** Finds out whether idle connections are alive, and waits for another one if one is not. */
  const alive = (): Promise<void> => {
    asking ??= Promise.all(mastersOf(client).map((node) => checkAlive(node, timeout / 4))).then(() => {
      asking = undefined
    })
    return asking.then(up)
  }

  /** What a call fails with: the driver's last error tells why there is no connection, or no reply. */
  const causeOf = (cause: unknown): unknown => {
    const message = messageOf(cause)
    return lost.test(message) || neverSent.test(message) || isSilence(cause) ? (last ?? cause) : cause
  }

  const again = <A>(run: () => Promise<A>, until: number): Promise<A> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(last ?? new Failure("no reply in time", checkBackend)),
        until - performance.now()
      )
      // A cluster's other nodes may be losing their connections, too.
      ;(client.isCluster ? sleep(50) : Promise.resolve())
        .then(up)
        .then(run)
        .then(resolve, (cause) => reject(causeOf(cause)))
        .finally(() => clearTimeout(timer))
    })

  return {
    client,
    reason: () => last,
    call: (run, repeatable, tells = () => true) => {
      const begun = performance.now()
      const asks = (isPatient || !repeatable) && begun - heard > idle
      return (
        isUp() && !asks
          ? run()
          : up()
              .then(asks ? alive : undefined)
              .then(run)
      ).then(
        (value) => {
          heard = performance.now()
          last = undefined
          return value
        },
        (cause) => {
          const message = messageOf(cause)
          if (isDemoted(message) || neverSent.test(message)) {
            return again(run, begun + timeout)
          }
          const failure = causeOf(cause)
          if (!repeatable || !lost.test(message)) {
            throw failure
          }
          return again(async () => {
            const reply = await run()
            if (await tells(reply)) {
              return reply
            }
            throw failure
          }, begun + timeout)
        }
      )
    }
  }
}
