/**
 * LedisDB: conformance, and the trap of its Lua.
 */
import type { SessionProvider } from "effect-session"
import * as Ledis from "effect-session/ledis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import * as Servers from "../servers/Ledis.js"
import { suite } from "../servers/need.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

suite("ledis", ["ledis-server"], () => {
  const server = shared(Servers.make())
  conforms(
    Effect.map(server, ({ url }) => Ledis.layer({ url, timeout: "20 seconds" })),
    { maxPayload: 128 * 1024, expirySlack: 3_200 }
  )

  it.live("goes on after thousands of changes: a script that returns anything fills LedisDB's Lua stack for good", () =>
    Effect.gen(function* () {
      const provider = yield* Ledis.make({ url: (yield* server).url })
      const id = "often" as SessionProvider.StoredId
      yield* provider.create(id, Buffer.from("kept"), Duration.minutes(1))
      const touch = provider.touch(id, Duration.minutes(1))
      const results = yield* Effect.all(
        Array.from({ length: 6000 }, () => touch),
        { concurrency: 64 }
      )
      expect(new Set(results.map(({ _tag }) => _tag))).toEqual(new Set(["Touched"]))
    }).pipe(Effect.scoped)
  )
})
