/**
 * memcached servers through memcache-client: one client each, keys spread by consistent hashing, and the few commands that the
 * provider is made of, with memcached's own answers as values and all else as a typed error.
 */
import type { Socket } from "node:net"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MemcacheClient, MemcacheClientOptions } from "memcache-client"
import { fromCause, SessionError } from "../../SessionError.js"
import type { CasStore, Change } from "../internal/casProvider.js"
import type { Item } from "../internal/casValue.js"
import { driver } from "../internal/driver.js"
import { type Capabilities, defaultCapabilities } from "../Provider.js"

export const backend = "memcached"

/** Protocol.txt of memcached, "Storage commands" and "Deletion". */
export type Reply = "STORED" | "NOT_STORED" | "EXISTS" | "NOT_FOUND" | "DELETED" | "TOUCHED"

export interface Servers {
  readonly gets: (key: string) => Effect.Effect<Item<string> | undefined, unknown>
  readonly add: (key: string, value: Buffer, exptime: number) => Effect.Effect<Reply, unknown>
  readonly cas: (key: string, value: Buffer, exptime: number, token: string) => Effect.Effect<Reply, unknown>
  readonly touch: (key: string, exptime: number) => Effect.Effect<Reply, unknown>
  readonly delete: (key: string) => Effect.Effect<void, unknown>
}

/** The driver's client, to which values are bytes, whatever their flags say they are. */
const makeClient = Effect.map(driver(backend, "memcache-client"), ({ MemcacheClient }) => {
  class Client extends MemcacheClient {
    override _unpackValue({ data }: { readonly data: string | Buffer }): Buffer {
      return data as Buffer
    }
  }
  return (options: MemcacheClientOptions): MemcacheClient => new Client(options)
})

/** The flag by which memcache-client marks bytes. */
const bytes = 1 << 3

interface Server {
  readonly client: MemcacheClient
  readonly seed: number
}

type Found = Record<string, { readonly value: Buffer; readonly casUniq: string }>

type Command = ReadonlyArray<string | Buffer>

/** All commands of one turn of the event loop leave together: fewer packets, and less work on both sides. */
const send = (socket: Socket | undefined, command: Command): void => {
  if (socket === undefined) {
    return
  }
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  for (const part of command) {
    socket.write(part, "latin1")
  }
}

/** Answers that say why nothing was stored. The client rejects with them, as with what really went wrong. */
const refusals = new Set(["NOT_STORED", "EXISTS", "NOT_FOUND"])

/** What the server says of an error can repeat the command, and with it a key: only its kind is told, and what is sure to be no key. */
const wordsOf = (message: string): string =>
  /^(SERVER_ERROR|CLIENT_ERROR|ERROR)(?= |$)( out of memory [a-z ]{1,40}$)?/.exec(message)?.[0] ?? message

/** The client's errors have a code from the system (`ECONNREFUSED`), or a fixed text ("Command timeout"), or the server's words. */
const failureOf = (error: unknown): unknown => {
  if (!(error instanceof Error)) {
    return undefined
  }
  return error.message === "SERVER_ERROR object too large for cache"
    ? new SessionError({
        reason: "TooLarge",
        message: `${backend}: the session is larger than the server's item_size_max: keep less in it, or start memcached with a larger -I`
      })
    : "code" in error
      ? error
      : wordsOf(error.message)
}

/**
 * memcached's clock ticks in seconds and only has to outlive the value's own expiry, so a second more. Above 30 days it reads a
 * number as a date by its own clock, of 31 bits (protocol.txt, "Expiration times").
 */
export const exptimeOf = (ttl: Duration.Duration): number => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 1
  return seconds <= 30 * 24 * 60 * 60 ? seconds : Math.min(Math.floor(Date.now() / 1000) + seconds, 2 ** 31 - 1)
}

/** An `exptime` with which a value is gone at once. */
const inThePast = -1

const nothing = Buffer.alloc(0)

const toChange = (reply: Reply): Change => (reply === "STORED" ? "done" : reply === "EXISTS" ? "changed" : "gone")

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  // 1 MiB is what an item may be, by default, with its key and memcached's own header.
  maxPayload: 1024 * 1024 - 512
}

export const casStore = (servers: Servers, capabilities: Capabilities): CasStore<string> => ({
  name: backend,
  capabilities,
  get: servers.gets,
  add: (key, value, ttl) => Effect.map(servers.add(key, value, exptimeOf(ttl)), (reply) => reply === "STORED"),
  replace: (key, value, ttl, token) => Effect.map(servers.cas(key, value, exptimeOf(ttl), token), toChange),
  // memcached has no conditional delete, but a compare-and-swap with what has already expired is one.
  removeAt: (key, token) => Effect.map(servers.cas(key, nothing, inThePast, token), toChange),
  remove: servers.delete
})

/** Whether this is the `host:port` of a server. */
export const isAddress = (text: string): boolean => /^[A-Za-z0-9._-]+:\d{1,5}$/.test(text)

/** FNV-1a, 32 bits. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  }
  return h
}

/** MurmurHash3's finalizer: each bit of the input moves each bit of the result. */
const mix = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** What others who share the values have to agree on. */
export interface Agreement {
  /** The flags of a value. */
  readonly flags: number
  /** Which of `count` servers has a key; without it {@link ownerOf}. */
  readonly placeOf?: ((key: string, count: number) => number) | undefined
}

/**
 * Rendezvous hashing: of all servers a key belongs to the one that scores highest with it. A server that is added or taken away
 * moves its own share of the keys and no other. The order in which servers are named does not matter.
 */
const ownerOf = (servers: ReadonlyArray<Server>, key: string): Server => {
  let owner = servers[0]!
  if (servers.length === 1) {
    return owner
  }
  const h = hash(key)
  let best = -1
  for (const server of servers) {
    const score = mix(h ^ server.seed)
    if (score > best) {
      best = score
      owner = server
    }
  }
  return owner
}

/**
 * Connects to the servers (`host:port`), and lets go with the scope. Fails where none of them answers; one that is away only costs
 * its own keys, and it is tried again by each command for them.
 */
export const connect = (
  addresses: ReadonlyArray<string>,
  timeoutMillis: number,
  options: Partial<MemcacheClientOptions> = {},
  { flags, placeOf }: Agreement = { flags: bytes }
): Effect.Effect<Servers, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const clientOf = yield* makeClient
    let closed = false
    const servers = yield* Effect.acquireRelease(
      Effect.sync(() =>
        addresses.map(
          (address): Server => ({
            client: clientOf({
              noDelay: true,
              cmdTimeout: timeoutMillis,
              connectTimeout: timeoutMillis,
              ...options,
              server: address
            }),
            seed: mix(hash(address))
          })
        )
      ),
      (servers) =>
        Effect.sync(() => {
          closed = true
          for (const { client } of servers) {
            client.shutdown()
          }
        })
    )

    /** Answers what the client makes of memcached's answer: its words, or the values found by their keys. */
    const ask = <A>({ client }: Server, ...command: Command): Effect.Effect<A, unknown> =>
      Effect.async((resume) => {
        const fail = (error: unknown) => resume(Effect.fail(failureOf(error)))
        if (closed) {
          // The client would connect again.
          return fail(new Error("closed"))
        }
        try {
          client
            .send<A>((socket) => send(socket, command))
            .then(
              (answer) => resume(Effect.succeed(answer)),
              (error) =>
                error instanceof Error && refusals.has(error.message)
                  ? resume(Effect.succeed([error.message] as A))
                  : fail(error)
            )
        } catch (error) {
          fail(error)
        }
      })

    const serverOf = (key: string): Server =>
      placeOf === undefined ? ownerOf(servers, key) : servers[placeOf(key, servers.length)]!

    const store = (key: string, line: string, value: Buffer): Effect.Effect<Reply, unknown> =>
      Effect.map(ask<[Reply]>(serverOf(key), line, value, "\r\n"), ([reply]) => reply)

    const answers = yield* Effect.forEach(
      servers,
      (server) => Effect.either(Effect.mapError(ask(server, "version\r\n"), fromCause(backend, "connect"))),
      { concurrency: "unbounded" }
    )
    const away = answers.flatMap((answer, i) =>
      answer._tag === "Left" ? [{ address: addresses[i], error: answer.left }] : []
    )
    if (away.length === servers.length) {
      return yield* away[0]!.error
    }
    for (const { address, error } of away) {
      yield* Effect.logWarning(`${address}: ${error.message}`)
    }

    return {
      gets: (key) =>
        Effect.map(ask<Found>(serverOf(key), `gets ${key}\r\n`), (found) =>
          // A plain object: a key such as `constructor` is always in it.
          Object.hasOwn(found, key) ? { value: found[key]!.value, token: found[key]!.casUniq } : undefined
        ),
      add: (key, value, exptime) => store(key, `add ${key} ${flags} ${exptime} ${value.length}\r\n`, value),
      cas: (key, value, exptime, token) =>
        store(key, `cas ${key} ${flags} ${exptime} ${value.length} ${token}\r\n`, value),
      touch: (key, exptime) =>
        Effect.map(ask<[Reply]>(serverOf(key), `touch ${key} ${exptime}\r\n`), ([reply]) => reply),
      delete: (key) => ask(serverOf(key), `delete ${key}\r\n`)
    }
  })
