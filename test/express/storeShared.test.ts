// The store shares its sessions with an Effect app on the same provider; and what an app on it does while Redis is down.
import { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Redis from "effect-session/redis"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { describe, expect, it } from "#test/vitest"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as RedisServer from "../servers/Redis.js"
import { type Framework, onExpress, onFastify, serveOurs } from "./interopApps.js"
import { browser, sides, withCookie } from "./interopPairs.js"
import { storeOn } from "./storeBackends.js"

/** An app on express or fastify with the store, and one on `Express.layer`, on one provider. */
const both = (framework: Framework) =>
  Effect.gen(function* () {
    const provider = Memory.make()
    const theirs = yield* framework.serve(yield* storeOn(provider), {})
    const layer = Layer.succeed(SessionProvider.SessionProvider, provider)
    return { theirs, ours: yield* serveOurs(framework, layer, { id: { hashed: true } }) }
  })

describe.each([onExpress, onFastify])("$name, and an Effect app on the same provider", (framework) => {
  it.live("know each other's visitors, and their sign-ins and sign-outs", () =>
    Effect.gen(function* () {
      const apps = yield* both(framework)
      for (const [one, other] of sides) {
        const visitor = browser(apps)
        expect(yield* visitor[one]("/visits")).toBe("1")
        expect(yield* visitor[other]("/login?username=ada&password=secret")).toBe("signed in")
        expect(yield* visitor[one]("/me")).toBe("ada")
        expect(yield* visitor[other]("/visits")).toBe("2")
        expect(yield* visitor[one]("/visits")).toBe("3")
        const copy = visitor.cookie()
        yield* visitor[one]("/destroy")
        for (const app of [one, other]) {
          expect((yield* withCookie(apps[app], "/me", copy)).body).toBe("anonymous")
        }
      }
    })
  )
})

suite("redis", ["redis-server"], () => {
  const server = shared(RedisServer.single())

  it.live("while Redis is down each request fails, and all sessions are there when it is back", () =>
    Effect.gen(function* () {
      const { start, stop, url } = yield* server
      const app = yield* onExpress.serve(yield* storeOn(Redis.layer({ url })), {})
      const visitor = browser({ theirs: app, ours: app })
      expect(yield* visitor.theirs("/visits")).toBe("1")
      yield* stop
      const { body, status } = yield* visitor.ask.theirs("/visits")
      expect(status).toBe(500)
      expect(body).toMatch(/redis: read/)
      yield* start
      // A connection takes its time to come back.
      const again = yield* Effect.repeat(visitor.ask.theirs("/visits"), { until: ({ status }) => status === 200 })
      expect(again.body).toBe("2")
    })
  )
})
