/**
 * beego's `memcache` provider: a session is a value under its id, without a prefix and with flags 0, on the server that gomemcache
 * would choose.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SessionError } from "../../SessionError.js"
import { backend, connect, exptimeOf, inThePast, isAddress, type Servers } from "../internal/memcacheServers.js"
import { defaultCapabilities, type Revision, SessionProvider } from "../Provider.js"
import * as BeegoProvider from "./beegoProvider.js"

export interface Options {
  /** The servers, as `host:port` separated by semicolons, in the same order as for the Go app: the order says which has a key. */
  readonly url: string
}

const timeout = Duration.seconds(2)

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return crc
})

/** gomemcache's `ServerList.PickServer`: CRC-32 (IEEE) of the key, modulo the number of servers. */
export const placeOf = (key: string, count: number): number => {
  let crc = 0xffffffff
  for (const byte of Buffer.from(key)) {
    crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  }
  return ((crc ^ 0xffffffff) >>> 0) % count
}

/** How many sessions' expiries are remembered. */
const maxExpiries = 4096

const nothing = Buffer.alloc(0)

const store = (servers: Servers): BeegoProvider.BeegoStore => {
  // memcached tells no lifetimes, so those that were set here are remembered; for all others the worst is assumed.
  const expiries = new Map<string, number>()

  const remember = (id: string, ttl: Duration.Duration): Effect.Effect<number> =>
    Effect.clockWith((clock) => {
      const expiresAt = clock.unsafeCurrentTimeMillis() + Duration.toMillis(ttl)
      expiries.delete(id)
      expiries.set(id, expiresAt)
      if (expiries.size > maxExpiries) {
        expiries.delete(expiries.keys().next().value!)
      }
      return Effect.succeed(expiresAt)
    })

  /** Changes the session where it is at `revision`: its very bytes, and nobody has touched them since they were looked at. */
  const changeAt = <A>(
    operation: string,
    id: string,
    revision: Revision,
    value: Buffer,
    exptime: number,
    done: Effect.Effect<A>
  ): Effect.Effect<A | "changed" | "gone", SessionError> =>
    Effect.flatMap(
      servers.gets(operation, id),
      (item): Effect.Effect<A | "changed" | "gone", SessionError> =>
        item === undefined
          ? Effect.succeed("gone")
          : BeegoProvider.sha1(item.value) !== revision
            ? Effect.succeed("changed")
            : Effect.flatMap(
                servers.cas(operation, id, value, exptime, item.token),
                (reply): Effect.Effect<A | "changed" | "gone"> =>
                  reply === "STORED" ? done : Effect.succeed(reply === "EXISTS" ? "changed" : "gone")
              )
    )

  return {
    name: backend,
    capabilities: {
      ...defaultCapabilities,
      maxPayload: 1024 * 1024 - 512,
      // Whole seconds, and one more, since memcached's seconds begin when they will.
      expirySlack: 1_200
    },
    // The longest key that memcached has, and no spaces (protocol.txt, "Keys").
    isKey: (id) => /^[!-~]{1,250}$/.test(id),
    get: (operation, id) =>
      Effect.flatMap(servers.gets(operation, id), (item) =>
        Effect.clockWith((clock) => {
          const now = clock.unsafeCurrentTimeMillis()
          return Effect.succeed(
            item === undefined
              ? undefined
              : { payload: item.value, expiresAt: Math.max(expiries.get(id) ?? 0, now + 1) }
          )
        })
      ),
    add: (operation, id, payload, ttl) =>
      Effect.flatMap(servers.add(operation, id, toBuffer(payload), exptimeOf(ttl)), (reply) =>
        reply === "STORED" ? remember(id, ttl) : Effect.succeed(undefined)
      ),
    replace: (operation, id, payload, ttl, revision) =>
      changeAt(operation, id, revision, toBuffer(payload), exptimeOf(ttl), remember(id, ttl)),
    removeAt: (operation, id, revision) =>
      changeAt(operation, id, revision, nothing, inThePast, Effect.succeed("done" as const)),
    remove: servers.delete,
    touch: (operation, id, ttl) =>
      Effect.flatMap(servers.touch(operation, id, exptimeOf(ttl)), (reply) =>
        reply === "TOUCHED" ? remember(id, ttl) : Effect.succeed(undefined)
      )
  }
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Fails with `Unavailable` where no server answers, and with `InvalidConfig`. */
export const layer = ({ url }: Options): Layer.Layer<SessionProvider, SessionError> => {
  const addresses = url.split(";")
  return Layer.scoped(
    SessionProvider,
    addresses.every(isAddress)
      ? Effect.map(connect(addresses, Duration.toMillis(timeout), {}, { flags: 0, placeOf }), (servers) =>
          BeegoProvider.make(store(servers))
        )
      : new SessionError({
          reason: "InvalidConfig",
          message: "providerConfig: expected the servers as host:port;host:port, separated by semicolons alone"
        })
  )
}
