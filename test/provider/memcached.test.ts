/**
 * memcached: conformance, on one server and on three.
 */
import type { SessionProvider } from "effect-session"
import * as Memcached from "effect-session/memcached"
import * as Effect from "#effect/Effect"
import * as Servers from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

const differs: Partial<SessionProvider.Capabilities> = {
  regenerate: "ordered",
  maxPayload: 1024 * 1024 - 512,
  evicts: true
}

suite("memcached", ["memcached"], () => {
  conforms(
    Effect.map(shared(Servers.make()), ({ url }) => Memcached.layer({ url, timeout: "20 seconds" })),
    differs,
    false
  )
})

suite("memcached, three servers", ["memcached"], () => {
  const servers = shared(Effect.all([Servers.make(), Servers.make(), Servers.make()]))
  conforms(
    Effect.map(servers, (all) => Memcached.layer({ url: all.map(({ url }) => url).join(","), timeout: "20 seconds" })),
    differs,
    false
  )
})
