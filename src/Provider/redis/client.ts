/**
 * Implements {@link Client} with ioredis.
 */
import type { Cluster, Redis } from "ioredis"
import { checkBackend, Failure } from "../../internal/failure.js"
import { pipelined, scriptLoader } from "./ioredis.js"
import type { Client } from "./scripted.js"

/** Commands that ioredis has but does not declare. */
interface Scripting {
  readonly evalshaBuffer: (sha: string, numberOfKeys: number, ...rest: Array<Argument>) => Promise<unknown>
  readonly evalBuffer: (source: string, numberOfKeys: number, ...rest: Array<Argument>) => Promise<unknown>
}

type Argument = string | number | Buffer

/** How many replicas must have a write before it counts, and how long they may take. */
export interface Replicas {
  readonly count: number
  readonly millis: number
}

export const redisClient = (client: Redis | Cluster, replicas?: Replicas): Client => {
  const scripting = client as unknown as Scripting
  const loaded = scriptLoader()

  return {
    get: (key) => {
      batch(client)
      return client.getBuffer(key)
    },
    run: (script, keys, args) => {
      batch(client)
      return loaded(script, (command, text) =>
        replicas === undefined || !script.durable
          ? scripting[`${command}Buffer`](text, keys.length, ...keys, ...args)
          : // In one go, on one connection: after a reconnect WAIT would refer to other writes.
            pipelined(client, [
              [command, text, keys.length, ...keys, ...args],
              ["wait", replicas.count, replicas.millis]
            ]).then(([reply, confirmed]) => {
              if (Number(confirmed) < replicas.count) {
                throw new Failure(
                  `not confirmed by enough replicas within ${replicas.millis} ms`,
                  "it was made, but a failover can lose it"
                )
              }
              return reply
            })
      ) as ReturnType<Client["run"]>
    },
    keys: (prefix) => keysOf(client, prefix)
  }
}

/**
 * Sends the commands of one turn of the event loop in one write to the socket. ioredis' own auto-pipelining does so
 * too, but it holds back later commands until these have their replies.
 */
const batch = (client: Redis | Cluster): void => {
  for (const { stream } of mastersOf(client)) {
    if (stream?.writable && stream.writableCorked === 0) {
      stream.cork()
      setImmediate(() => stream.uncork())
    }
  }
}

const mastersOf = (client: Redis | Cluster): ReadonlyArray<Redis> =>
  client.isCluster ? (client as Cluster).nodes("master") : [client as Redis]

/** Lists keys with SCAN on each master. Unlike KEYS, it never blocks a server for long. */
async function* keysOf(client: Redis | Cluster, prefix: string): AsyncGenerator<ReadonlyArray<string>> {
  const own = client.options.keyPrefix ?? ""
  const pattern = `${`${own}${prefix}`.replace(/[\\*?[\]]/g, "\\$&")}*`
  const masters = mastersOf(client)
  if (masters.length === 0) {
    throw new Failure("no master is known", checkBackend)
  }
  for (const master of masters) {
    let cursor = "0"
    do {
      const [next, keys] = await master.scan(cursor, "MATCH", pattern, "COUNT", 1000)
      yield keys.map((key) => key.slice(own.length))
      cursor = next
    } while (cursor !== "0")
  }
}
