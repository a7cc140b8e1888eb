/**
 * memcached: conformance, on one server and on three.
 */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type SessionError, SessionProvider } from "effect-session"
import * as Memcached from "effect-session/memcached"
import { Conformance } from "effect-session/testing"
import * as Servers from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import { shared } from "./shared.js"

const conforms = (layer: Effect.Effect<Layer.Layer<SessionProvider.SessionProvider, SessionError>>) => {
  for (const { name, test } of Conformance.suite({
    layer: Layer.unwrapEffect(layer),
    capabilities: {
      ...SessionProvider.defaultCapabilities,
      regenerate: "ordered",
      maxPayload: 1024 * 1024 - 512
    },
    optional: { count: false, ids: false, gc: false },
    pass: Effect.sleep
  })) {
    it.live(name, () => test)
  }
}

suite("memcached", ["memcached"], () => {
  conforms(Effect.map(shared(Servers.make()), ({ url }) => Memcached.layer({ url })))
})

suite("memcached, three servers", ["memcached"], () => {
  const servers = shared(Effect.all([Servers.make(), Servers.make(), Servers.make()]))
  conforms(Effect.map(servers, (all) => Memcached.layer({ url: all.map(({ url }) => url).join(",") })))
})
