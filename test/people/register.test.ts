/**
 * The register of a person who signs in again and again: sessions that end by themselves do not pile up in it.
 */
import { SessionManager, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Redis from "effect-session/redis"
import { signIn } from "effect-session/testing"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { registerOf } from "../../src/Manager/people/owner.js"
import { decode } from "../../src/Manager/people/register.js"
import type { ProviderLayer } from "../identity/backends.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as RedisServer from "../servers/Redis.js"
import { soak } from "../support/soak.js"
import { Device, options } from "./app.js"
import { minute } from "./model.js"

const user = "signs in all the time"

const registered = Effect.map(
  Effect.flatMap(SessionProvider.SessionProvider, ({ principals }) => principals!.read(registerOf(user))),
  (stored) => decode(Option.getOrThrow(stored).payload)!
)

/** Signs in so many times, some at once, and looks at the register now and then. */
const signingIn = (signIns: number, concurrency: number, passing: (i: number) => void) =>
  Effect.gen(function* () {
    let live = 0
    yield* Effect.forEach(
      Array.from({ length: signIns }, (_, i) => i),
      (i) =>
        Effect.gen(function* () {
          passing(i)
          yield* signIn(Device, (session) => session.signIn(user))
          if (i % 10 === 0) {
            const { entries, swept } = yield* registered
            live = Math.max(live, swept)
            // All are looked up once there are 32 more than twice those that were live the last time.
            expect(entries.length).toBeLessThanOrEqual(2 * swept + 32)
          }
        }),
      { concurrency, discard: true }
    )
    // What has ended is dropped when the list is read.
    const shown = yield* SessionManager.sessionsOf(user)
    expect((yield* registered).entries.length).toBe(shown.length)
    return live
  })

const over = (layer: ProviderLayer, idleTimeout: Duration.Input) =>
  Layer.provideMerge(SessionManager.layer({ ...options, idleTimeout }), layer)

it.live("10,000 sign-ins of one person, a minute apart, in memory", () => {
  let now = 0
  return signingIn(10_000, 1, () => {
    now += minute
  }).pipe(
    // A session lives for half an hour.
    Effect.tap((live) => Effect.sync(() => expect(live).toBeLessThanOrEqual(30))),
    Effect.provide(over(Memory.layer(), "30 minutes")),
    at(() => now)
  )
})

suite("redis cluster", ["redis-server", "redis-cli"], () => {
  const cluster = shared(RedisServer.cluster())
  const often = soak(2_000, 10_000)
  it.live(
    `${often} sign-ins of one person, whose sessions expire`,
    () =>
      Effect.flatMap(cluster, ({ url }) =>
        Effect.provide(
          signingIn(often, 8, () => {}),
          over(Redis.layerCluster({ url }), "100 millis")
        )
      ),
    120_000
  )
})
