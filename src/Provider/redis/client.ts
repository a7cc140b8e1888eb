/**
 * Implements {@link Client} with ioredis.
 */
import type { Cluster, Redis } from "ioredis"
import { checkBackend, Failure } from "../../internal/failure.js"
import { pipelined, scriptLoader } from "./ioredis.js"
import { type Link, mastersOf } from "./link.js"
import type { Client } from "./scripted.js"
import { isNoRecord, revisionLength } from "./scripts.js"

export interface RedisClient extends Client {
  /**
   * Reads a value, and then how long its key still lives, in milliseconds: below 0 for one that never expires. Undefined if there is
   * none. Another process may change the key between the two.
   */
  readonly getWithTtl: (key: string) => Promise<readonly [value: Buffer, ttl: number] | undefined>
}

/** Commands that ioredis has but does not declare in this form. */
type Sending = Readonly<
  Record<"setBuffer" | "evalBuffer" | "evalshaBuffer", (...args: ReadonlyArray<Argument>) => Promise<unknown>>
>

type Argument = string | number | Buffer

/**
 * How many replicas must have a write before it counts, and how long they may take. Such a write is not sent again after
 * a lost connection: if it was made the first time, WAIT would not refer to it.
 */
export interface Replicas {
  readonly count: number
  readonly millis: number
}

export const redisClient = ({ call, client }: Link, replicas?: Replicas): RedisClient => {
  const sending = client as unknown as Sending
  const loaded = scriptLoader()

  const send = (command: "set" | "eval" | "evalsha", ...args: ReadonlyArray<Argument>): Promise<unknown> => {
    batch(client)
    return sending[`${command}Buffer`](...args)
  }

  /** Sends a change that must not be lost. */
  const change: typeof send = (command, ...args) => {
    if (replicas === undefined) {
      return send(command, ...args)
    }
    batch(client)
    // In one go, on one connection: after a reconnect WAIT would refer to other writes.
    return pipelined(client, [
      [command, ...args],
      ["wait", replicas.count, replicas.millis]
    ]).then(([reply, confirmed]) => {
      if (Number(confirmed) < replicas.count) {
        throw new Failure(
          `not confirmed by enough replicas within ${replicas.millis} ms`,
          "it was made, but a failover can lose it: see INFO replication for the replicas that are connected, or lower minReplicas"
        )
      }
      return reply
    })
  }

  /** Valkey 8.1 and Redis 8.4 have `IFEQ`; to others it is an error, most often in the syntax. */
  const swap: Client["swap"] = (key, from, to, ttl) => {
    const tells = (reply: unknown) => reply !== null || client.getBuffer(key).then(isOwn(to))
    return call(() => change("set", key, to, "IFEQ", from, "PX", ttl), replicas === undefined, tells).then(
      (reply) => reply !== null,
      (cause) => {
        if (!(cause instanceof Error && cause.message.startsWith("ERR"))) {
          throw cause
        }
        self.swap = undefined
        return false
      }
    )
  }

  const self: RedisClient = {
    get: (key) =>
      call(() => {
        batch(client)
        return client.getBuffer(key)
      }, true),
    getWithTtl: (key) =>
      call(() => {
        batch(client)
        // Two commands at once cost the server a third of a script that has both.
        return Promise.all([client.getBuffer(key), client.pttl(key)])
      }, true).then(([value, ttl]) => (value === null || ttl === absent ? undefined : [value, ttl])),
    swap,
    run: (script, keys, args, isWhole = false) => {
      const command = (name: "eval" | "evalsha", text: string) =>
        (script.durable ? change : send)(name, text, keys.length, ...keys, ...args)
      return call(
        () => (isWhole ? command("eval", script.source) : loaded(script, command)),
        script.repeatable && !(script.durable && replicas !== undefined),
        isNoRecord
      ) as ReturnType<Client["run"]>
    },
    keys: (prefix) => keysOf(client, call, prefix)
  }
  return self
}

/** The reply of PTTL if there is no key. */
const absent = -2

/** Whether what is there now, if anything, has the revision of this record. */
const isOwn = (record: Buffer) => (found: Buffer | null) =>
  found === null || found.subarray(0, revisionLength).equals(record.subarray(0, revisionLength))

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

/** Lists keys with SCAN on each master. Unlike KEYS, it never blocks a server for long. */
async function* keysOf(
  client: Redis | Cluster,
  call: Link["call"],
  prefix: string
): AsyncGenerator<ReadonlyArray<string>> {
  const own = client.options.keyPrefix ?? ""
  const pattern = `${`${own}${prefix}`.replace(/[\\*?[\]]/g, "\\$&")}*`
  if (client.isCluster && client.status !== "ready") {
    // An app's own client may still be connecting, for which a command waits: before that it takes each node for a master.
    await call(() => client.exists(prefix), true)
  }
  const masters = mastersOf(client)
  if (masters.length === 0) {
    throw new Failure("no master is known", checkBackend)
  }
  for (const master of masters) {
    let cursor = "0"
    do {
      const [next, keys] = await call(() => master.scan(cursor, "MATCH", pattern, "COUNT", 1000), true)
      yield keys.map((key) => key.slice(own.length))
      cursor = next
    } while (cursor !== "0")
  }
}
