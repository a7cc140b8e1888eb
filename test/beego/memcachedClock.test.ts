// beego's memcache on a server whose clock stands still for up to two seconds, as memcached's does now and then: its
// timer starts anew each second, and so the tick comes later and later in the second, until it leaves one out.
import { SessionProvider } from "effect-session"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import * as BeegoMemcached from "../../src/beego/layouts/memcached.js"
import * as Servers from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import { ask, type Server, until } from "../servers/Process.js"

/** How far the machine's monotonic clock, which is memcached's too, is past a full second, in milliseconds. */
const pastSecond = () => Number((process.hrtime.bigint() / 1_000_000n) % 1000n)

const untilPast = (millis: number) => Effect.suspend(() => Effect.sleep((1000 + millis - pastSecond()) % 1000))

const uptime = async ({ port }: Server) => Number((await ask(port, "stats", /STAT uptime (\d+)/))[1])

const nextUptime = (server: Server, before: number) =>
  until(async () => {
    const now = await uptime(server)
    if (now === before) throw new Error("memcached's clock stands still")
    return now
  })

suite("beego's memcache, whose clock is late", ["memcached"], () => {
  it.live(
    "a session lives until its lifetime is over",
    () =>
      Effect.gen(function* () {
        const server = yield* Servers.make()
        const services = yield* Layer.build(BeegoMemcached.layer({ url: server.url }))
        const provider = yield* Effect.provide(SessionProvider.SessionProvider, services)

        /** Returns whether a session is there shortly before its end, or none if the machine was too busy to tell. */
        const look = (id: SessionProvider.StoredId) =>
          Effect.gen(function* () {
            // A timer that is overdue when the server goes on sets the clock, and is due again a second later.
            yield* server.pause
            yield* Effect.sleep(1000)
            yield* untilPast(800)
            yield* server.resume
            yield* untilPast(600)
            const created = Date.now()
            yield* provider.create(id, Buffer.from("1"), Duration.seconds(3))
            const before = yield* Effect.promise(() => uptime(server))
            yield* server.pause
            yield* untilPast(20)
            yield* server.resume
            const after = yield* Effect.promise(() => nextUptime(server, before))
            const isLate = after === before + 2 && pastSecond() < 250
            yield* Effect.sleep(2700 - (Date.now() - created))
            const found = Option.isSome(yield* provider.read(id))
            return isLate && Date.now() - created < 3000 ? Option.some(found) : Option.none()
          })

        let found = Option.none<boolean>()
        for (let i = 0; Option.isNone(found) && i < 20; i++) {
          found = yield* look(String(i).padStart(32, "0") as SessionProvider.StoredId)
        }
        expect(found).toEqual(Option.some(true))
      }),
    180_000
  )
})
