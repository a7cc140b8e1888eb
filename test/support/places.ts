/**
 * The places where sessions are kept: the process, a server, and clients.
 */
import type { SessionError } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Redis from "effect-session/redis"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { describe } from "#test/vitest"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as RedisServer from "../servers/Redis.js"
import { key } from "./cookies.js"
import type { serve } from "./http.js"

export type Place = Effect.Effect<Parameters<typeof serve>[2], SessionError, Scope.Scope>

export const onPlaces = (tests: (place: Place) => void): void => {
  describe("memory", () => tests(Effect.succeed(undefined)))
  suite("redis", ["redis-server"], () => {
    const server = shared(RedisServer.single())
    tests(Effect.flatMap(server, ({ url }) => Redis.make({ url })))
  })
  describe("sealed cookies", () => tests(Cookie.make({ keys: [key()] })))
}
