// From beego's layouts to this library's own, while people are signed in: the same browser, without Go.
import { SessionLayer, SessionManager, SessionStore } from "effect-session"
import * as Beego from "effect-session/beego"
import * as Memory from "effect-session/memory"
import * as Postgres from "effect-session/postgres"
import { Redis } from "ioredis"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import { type Handler, increment, Shop, signOut, site } from "../people/site.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"
import { recorded } from "./layout.js"

class Visitor extends SessionStore.Tag<Visitor>()("Shop", { username: Shop.fields.cart, ...Shop.fields }) {}

const look: Handler<number> = (session) => session.get("count")

const config = (providerConfig: string) => ({
  cookieName: "gosessionid",
  enableSetCookie: true,
  gclifetime: 3600,
  cookieLifeTime: 3600,
  providerConfig
})

const moving = (provider: string, providerConfig: string, to: ReturnType<typeof Postgres.layer>) =>
  site(
    {},
    Layer.unwrap(
      Effect.map(Beego.options(config(providerConfig)), (options) =>
        SessionLayer.moving(
          {
            from: Beego.provider(provider, config(providerConfig)),
            codec: Beego.codec,

            to,
            stores: [Visitor]
          },
          { ...options, id: { ...options.id, hashed: true } }
        )
      )
    )
  )

const idIn = (cookie: string | undefined) => cookie!.slice("gosessionid=".length)

it.live("what is no provider of beego's with sessions in it is refused", () =>
  Effect.gen(function* () {
    const error = (name: string, providerConfig: string) =>
      Effect.map(
        Effect.flip(Effect.scoped(Layer.build(Beego.provider(name, config(providerConfig))))),
        ({ message }) => message
      )
    expect(yield* error("mongo", "")).toMatch(/^unknown provider "mongo": expected one of memory, file/)
    expect(yield* error("cookie", `{"cookieName":"gosessionid","securityKey":"a","blockKey":"b"}`)).toMatch(
      /^cookie: clients hold the sessions/
    )
  })
)

suite("from beego's redis", ["redis-server"], () => {
  const server = shared(RedisServer.single())
  const redis = Effect.flatMap(server, ({ url }) =>
    Effect.acquireRelease(
      Effect.sync(() => new Redis(url)),
      (client) => Effect.sync(() => client.disconnect())
    )
  )

  it.live("a session that Go has written keeps its values, its id and its cookie", () =>
    Effect.gen(function* () {
      const client = yield* redis
      const { host, port } = yield* server
      const id = "0123456789abcdef0123456789abcdef"
      yield* Effect.promise(() => client.setex(id, 3600, recorded))
      const { manager, send } = yield* moving("redis", `${host}:${port}`, Memory.layer())
      const read = (cookie: string) =>
        Effect.map(
          send(cookie, () =>
            Effect.flatMap(
              Effect.provideService(
                SessionManager.open(Visitor, SessionStore.sessionId(idIn(cookie))),
                SessionManager.SessionManager,
                manager
              ),
              (session) => Effect.map(session.get("username"), (name) => (name._tag === "Some" ? name.value : null))
            )
          ),
          ({ body }) => body
        )
      expect(yield* read(`gosessionid=${id}`)).toBe("astaxie")
      expect(yield* Effect.promise(() => client.exists(id))).toBe(0)
      expect(yield* read(`gosessionid=${id}`)).toBe("astaxie")
    })
  )

  it.live("neither hashes nor other keys that a client sends are asked for there", () =>
    Effect.gen(function* () {
      const client = yield* redis
      const { host, port } = yield* server
      const asked = "h".repeat(43)
      for (const key of [asked, "lock:0123456789", "g".repeat(32)]) {
        yield* Effect.promise(() => client.setex(key, 3600, recorded))
        const { send } = yield* moving("redis", `${host}:${port}`, Memory.layer())
        yield* send(`gosessionid=${key}`, look)
        yield* send(`gosessionid=${key}`, signOut)
        expect(yield* Effect.promise(() => client.exists(key))).toBe(1)
      }
    })
  )
})

suite("from beego's postgresql to this library's own table", ["postgres"], () => {
  const server = shared(PostgresServer.make())

  it.live("16 requests at once, to two processes, move a session once and lose nothing; a sign-out ends it", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const providerConfig = `${url}?sslmode=disable`
      const browser = (yield* site({}, Layer.orDie(Beego.layer("postgresql", config(providerConfig))))).browser()
      yield* browser.go(increment)
      const { cookie } = browser
      expect(idIn(cookie)).toMatch(/^[0-9a-f]{32}$/)
      const [one, two] = yield* Effect.all([
        moving("postgresql", providerConfig, Postgres.layer({ url })),
        moving("postgresql", providerConfig, Postgres.layer({ url }))
      ])
      const answers = yield* Effect.all(
        Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? one : two).send(cookie, increment)),
        { concurrency: "unbounded" }
      )
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
      expect((yield* two.send(cookie, look)).body).toBe(17)
      yield* one.send(cookie, signOut)
      expect((yield* two.send(cookie, look)).body).toBe(0)
      const before = yield* site({}, Layer.orDie(Beego.layer("postgresql", config(providerConfig))))
      expect((yield* before.send(cookie, look)).body).toBe(0)
    })
  )
})
