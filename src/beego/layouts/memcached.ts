/**
 * beego's `memcache` provider: a session is a value under its id, without a prefix and with flags 0, on the server that
 * gomemcache would choose.
 */
import { crc32 } from "node:zlib"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import { plain } from "../../Provider/internal/environment.js"
import * as Protocol from "../../Provider/memcached/protocol.js"
import { type Ask, areServers, connect, serverAt } from "../../Provider/memcached/servers.js"
import * as Store from "../../Provider/memcached/store.js"
import { SessionProvider } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import * as CasStore from "./casStore.js"

export interface Options {
  /**
   * The servers, as `host:port` separated by semicolons, in the same order as for the Go app: the order decides which
   * server has a key.
   */
  readonly url: string | Redacted.Redacted
}

const timeoutMillis = 2_000

/** gomemcache's `ServerList.PickServer`: CRC-32 (IEEE) of the key, modulo the number of servers. */
export const placeOf = (key: string, count: number): number => crc32(key) % count

const store = (ask: Ask): ForeignProvider.ForeignStore =>
  CasStore.make({
    // A lifetime is rounded up to whole seconds, then two are added, and the server's clock may take one more to tick.
    store: Store.make(ask, { capabilities: { ...Store.capabilities, expirySlack: 4_200 }, distinct: false }),
    touch: (id, ttl) => ask(Protocol.touch(id, Store.exptimeOf(ttl))),
    // The longest key that memcached allows, and no spaces (protocol.txt, "Keys").
    isKey: (id) => /^[!-~]{1,250}$/.test(id)
  })

/**
 * Provides sessions in memcached as beego does. Fails with `Unavailable` if no server answers, and with `InvalidConfig`
 * if an option is wrong.
 */
export const layer = ({ url }: Options): Layer.Layer<SessionProvider, SessionError> => {
  const servers = plain(url).split(";").map(serverAt)
  return Layer.effect(
    SessionProvider,
    areServers(servers)
      ? Effect.map(
          connect(servers, (key) => placeOf(key, servers.length), timeoutMillis),
          ({ ask }) => ForeignProvider.make(store(ask))
        )
      : new SessionError({
          reason: "InvalidConfig",
          message: "providerConfig: expected the servers as host:port;host:port, separated by semicolons alone"
        })
  )
}
