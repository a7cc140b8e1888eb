/**
 * The Redis provider on one server: conformance.
 */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SessionProvider } from "effect-session"
import * as Redis from "effect-session/redis"
import { Conformance } from "effect-session/testing"
import * as Servers from "../servers/Redis.js"
import { suite } from "../servers/need.js"
import { shared } from "./shared.js"

suite("redis", ["redis-server"], () => {
  const server = shared(Servers.single())
  for (const { name, test } of Conformance.suite({
    layer: Layer.unwrapEffect(Effect.map(server, ({ url }) => Redis.layer({ url }))),
    capabilities: SessionProvider.defaultCapabilities,
    optional: { count: true, ids: true, gc: false },
    pass: Effect.sleep
  })) {
    it.live(name, () => test)
  }
})
