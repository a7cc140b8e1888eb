// From the layout of express' sessions to this library's own, while people are signed in.
import {
  SessionCodec,
  type SessionError,
  SessionLayer,
  SessionManager,
  type SessionProvider,
  SessionStore
} from "effect-session"
import * as Express from "effect-session/express"
import * as Memory from "effect-session/memory"
import * as Postgres from "effect-session/postgres"
import * as Redis from "effect-session/redis"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { SessionProvider as Tag } from "../../src/Provider/Provider.js"
import { type Handler, increment, Shop, signOut } from "../people/site.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"
import { collectLogs } from "../support/logs.js"
import { after, before, idIn, keys, layerOf, moving, options, type Places } from "../support/moving.js"

const onMemory = Effect.sync((): Places => ({ from: Memory.make(), to: Memory.make() }))

const look: Handler<unknown> = (session) =>
  Effect.map(Effect.all([session.get("count"), session.get("cart")]), ([count, cart]) => [
    count,
    Option.getOrNull(cart)
  ])

const nobody = [0, null]

/** A browser that has a session with the app of before, and its record there. */
const visited = (places: Places) =>
  Effect.gen(function* () {
    const browser = (yield* before(places)).browser()
    yield* browser.go((session) => Effect.andThen(session.set("cart", "book"), increment(session)))
    const id = idIn(browser.cookie)
    return { cookie: browser.cookie, id, record: Option.getOrThrow(yield* places.from.read(id)).payload }
  })

/** A process of before writes a session whole, as express does when a request ends that has read it. */
const overwrite = ({ from }: Places, id: SessionProvider.StoredId, record: Uint8Array) =>
  Effect.andThen(from.destroy(id), from.create(id, record, Duration.days(14)))

const countOf = ({ from, to }: Places) =>
  Effect.map(Effect.all([keys(from), keys(to)]), (all) => all.map((ids) => ids.length))

describe("a session that moves", () => {
  it.effect("keeps its values, its id and its cookie, and leaves nothing at its old place", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const { cookie } = yield* visited(places)
      const now = yield* moving(places)
      const answer = yield* now.send(cookie, look)
      expect([answer.body, answer.setCookie]).toEqual([[1, "book"], []])
      expect(yield* keys(places.from)).toEqual([])
      expect(yield* keys(places.to)).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{43}$/)])
      yield* now.send(cookie, increment)
      expect((yield* (yield* after(places)).send(cookie, look)).body).toEqual([2, "book"])
    })
  )

  it.effect("is not begun for visitors, and those of now begin at the new place", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const now = (yield* moving(places)).browser()
      yield* now.go(look)
      yield* now.go(increment)
      expect((yield* now.go(look)).body).toEqual([1, null])
      expect(yield* countOf(places)).toEqual([0, 1])
    })
  )

  it.effect("lives for the idleTimeout from then on, and its absoluteTimeout begins", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const { cookie } = yield* visited(places)
      yield* TestClock.adjust("13 days")
      const now = yield* moving(places, { absoluteTimeout: "20 days" })
      const day = (n: number) => Effect.as(TestClock.adjust(Duration.days(n)), n)
      const bodies = [(yield* now.send(cookie, look)).body]
      for (const days of [12, 7, 2]) {
        yield* day(days)
        bodies.push((yield* now.send(cookie, look)).body)
      }
      expect(bodies).toEqual([[1, "book"], [1, "book"], [1, "book"], nobody])
    })
  )

  it.effect("that has expired at its old place is none", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const { cookie } = yield* visited(places)
      yield* TestClock.adjust("15 days")
      expect((yield* (yield* moving(places)).send(cookie, look)).body).toEqual(nobody)
      expect(yield* countOf(places)).toEqual([0, 0])
    })
  )

  it.effect("leaves behind what no field reads, and tells so without showing it", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const { cookie, id, record } = yield* visited(places)
      const stored = { ...JSON.parse(Buffer.from(record).toString()), count: "three", flash: "hush", cart: "book" }
      yield* overwrite(places, id, Buffer.from(JSON.stringify(stored)))
      const { layer, logged } = collectLogs()
      const { manager, send } = yield* Effect.provide(moving(places), layer)
      const seen: Array<unknown> = []
      const listening = yield* Effect.forkChild(
        Stream.runForEach(manager.events, (event) => Effect.sync(() => seen.push(event)))
      )
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      expect((yield* send(cookie, look)).body).toEqual([0, "book"])
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* Fiber.interrupt(listening)
      const session = yield* Effect.provideService(
        SessionManager.nameOf(SessionStore.sessionId(id)),
        SessionManager.SessionManager,
        manager
      )
      expect(seen).toEqual(
        ["count", "flash"].map((field) => expect.objectContaining({ _tag: "Dropped", field, session }))
      )
      expect(logged).toEqual([expect.stringContaining("values of a session were not carried over")])
      expect(logged.join()).not.toMatch(/three|hush/)
    })
  )

  it.effect("cannot be read is left where it is, and its client begins anew", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const { cookie, id } = yield* visited(places)
      // A session in the new format is none in the old one.
      yield* overwrite(places, id, Buffer.from(`{"v":2,"t":${Date.now()},"d":{"Shop.cart":"stolen"}}`))
      const now = yield* moving(places)
      expect((yield* now.send(cookie, look)).body).toEqual(nobody)
      const next = yield* now.send(cookie, increment)
      expect(next.setCookie).toHaveLength(1)
      expect(yield* countOf(places)).toEqual([1, 1])
    })
  )
})

describe("while a session is stored here, and not yet removed there", () => {
  /** Moves a session, with something that happens at its old place just before it is removed there. */
  const meeting = (
    happens: (places: Places, id: SessionProvider.StoredId, record: Uint8Array) => Effect.Effect<unknown, SessionError>
  ) =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const { cookie, id, record } = yield* visited(places)
      let times = 0
      const write: SessionProvider.Provider["write"] = (...args) =>
        Effect.andThen(times++ === 0 ? happens(places, id, record) : Effect.void, places.from.write(...args))
      const now = yield* moving({ ...places, from: { ...places.from, write } })
      const seen = [yield* now.send(cookie, look), yield* now.send(cookie, look)]
      return { seen: seen.map(({ body }) => body), left: yield* countOf(places) }
    })

  it.effect("a sign-out in the app of before ends it", () =>
    Effect.gen(function* () {
      const met = yield* meeting(({ from }, id) => from.destroy(id))
      expect(met).toEqual({ seen: [nobody, nobody], left: [0, 0] })
    })
  )

  it.effect("a change in the app of before is taken over", () =>
    Effect.gen(function* () {
      const met = yield* meeting((places, id, record) =>
        overwrite(places, id, Buffer.from(Buffer.from(record).toString().replace("book", "lamp")))
      )
      expect(met).toEqual({
        seen: [
          [1, "lamp"],
          [1, "lamp"]
        ],
        left: [0, 1]
      })
    })
  )

  it.effect("what another request has changed here stays", () =>
    Effect.gen(function* () {
      const met = yield* meeting((places, id, record) =>
        Effect.andThen(
          overwrite(places, id, Buffer.from(Buffer.from(record).toString().replace("book", "lamp"))),
          Effect.scoped(
            Effect.flatMap(moving(places), ({ manager }) =>
              Effect.flatMap(SessionManager.open(Shop, SessionStore.sessionId(id)), (session) =>
                Effect.andThen(increment(session), session.save)
              ).pipe(Effect.provideService(SessionManager.SessionManager, manager))
            )
          )
        ).pipe(Effect.orDie)
      )
      expect(met).toEqual({
        seen: [
          [2, "book"],
          [2, "book"]
        ],
        left: [0, 1]
      })
    })
  )
})

describe("a session that ends", () => {
  for (const hasMoved of [false, true]) {
    for (const [what, end] of [
      ["a sign-out", signOut],
      ["a new id", (session) => session.regenerate]
    ] as ReadonlyArray<readonly [string, Handler<void>]>) {
      it.effect(
        `with ${what}${hasMoved ? "" : " before it has moved"} is never brought back by a process of before`,
        () =>
          Effect.gen(function* () {
            const places = yield* onMemory
            const { cookie, id, record } = yield* visited(places)
            const now = yield* moving(places)
            if (hasMoved) {
              yield* now.send(cookie, look)
            }
            yield* now.send(cookie, end)
            for (const later of ["1 second", "1 hour", "13 days"] as const) {
              yield* overwrite(places, id, record)
              yield* TestClock.adjust(later)
              expect((yield* now.send(cookie, look)).body).toEqual(nobody)
              expect(yield* keys(places.from)).toEqual([])
            }
          })
      )
    }
  }

  it.effect("at its old place has ended here, if it has not moved", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const { cookie } = yield* visited(places)
      yield* (yield* before(places)).send(cookie, signOut)
      expect((yield* (yield* moving(places)).send(cookie, look)).body).toEqual(nobody)
    })
  )

  it.effect("is not marked if it never was", () =>
    Effect.gen(function* () {
      const { to } = yield* onMemory
      const made: Array<string> = []
      const places = {
        from: Memory.make(),
        to: {
          ...to,
          create: (...args) =>
            Effect.andThen(
              Effect.sync(() => made.push(args[0])),
              to.create(...args)
            )
        }
      } satisfies Places
      const elsewhere = yield* onMemory
      const { cookie } = yield* visited(elsewhere)
      yield* (yield* moving(places)).send(cookie, signOut)
      expect(made).toEqual([])
    })
  )
})

describe("outside of requests", () => {
  it.effect("sessions at both places are counted, listed, opened and ended", () =>
    Effect.gen(function* () {
      const places = yield* onMemory
      const [old, opened, moved] = yield* Effect.all([visited(places), visited(places), visited(places)])
      const { manager, send } = yield* moving(places)
      const using = <A, E>(effect: Effect.Effect<A, E, SessionManager.SessionManager>) =>
        Effect.provideService(effect, SessionManager.SessionManager, manager)
      yield* send(moved.cookie, look)
      expect(yield* using(SessionManager.count)).toBe(3)
      expect(
        yield* using(
          SessionManager.list.pipe(
            Stream.runCollect,
            Effect.map((ids) => [...ids])
          )
        )
      ).toEqual(expect.arrayContaining([old.id, opened.id]))
      const session = yield* using(SessionManager.open(Shop, SessionStore.sessionId(opened.id)))
      expect(yield* session.get("count")).toBe(1)
      expect(yield* countOf(places)).toEqual([1, 2])
      yield* using(SessionManager.destroy(SessionStore.sessionId(moved.id)))
      yield* using(SessionManager.destroy(old.id))
      expect((yield* send(moved.cookie, look)).body).toEqual(nobody)
      expect((yield* send(old.cookie, look)).body).toEqual(nobody)
      expect((yield* send(opened.cookie, look)).body).toEqual([1, "book"])
      yield* visited(places)
      yield* using(SessionManager.endEverything)
      expect(yield* countOf(places)).toEqual([0, 0])
    })
  )
})

it.effect("what cannot be promised is refused", () =>
  Effect.gen(function* () {
    const places = yield* onMemory
    const { marked: _, ...unmarked } = places.to
    const error = (
      given: Partial<SessionLayer.MovingOptions>,
      more: Parameters<typeof SessionLayer.moving>[1] = options
    ) =>
      Effect.map(
        Effect.flip(
          Effect.scoped(
            Layer.build(
              SessionLayer.moving(
                { from: layerOf(places.from), codec: Express.codec, to: layerOf(places.to), stores: [Shop], ...given },
                more
              )
            )
          )
        ),
        ({ message }) => message
      )
    expect(yield* error({ to: layerOf(unmarked) })).toMatch(/^to: memory keeps no marks/)
    expect(yield* error({}, { ...options, id: { hashed: false } })).toMatch(/^id\.hashed: sessions move to the hashes/)
    expect(yield* error({}, { ...options, validFrom: "2026-01-01T00:00:00Z" })).toMatch(/^validFrom: /)
    expect(yield* error({}, {})).toMatch(/^id: expected the form of the ids that move/)
    expect(yield* error({ codec: SessionCodec.json })).toMatch(/^codec: expected another library's format/)
  })
)

/** Requests of one browser at once, to two processes: none is signed out, and no change is lost. */
const atOnce = (places: Effect.Effect<Places>, count: number) =>
  Effect.gen(function* () {
    const both = yield* places
    const [one, two] = yield* Effect.all([moving(both), moving(both)])
    for (let round = 0; round < 3; round++) {
      const { cookie } = yield* visited(both)
      const answers = yield* Effect.all(
        Array.from({ length: count }, (_, i) => (i % 2 === 0 ? one : two).send(cookie, i % 4 < 2 ? increment : look)),
        { concurrency: "unbounded" }
      )
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
      // A browser's cookie is renewed with a write, and its id stays.
      expect(new Set(answers.flatMap(({ setCookie }) => setCookie.map((line) => line.split(";")[0])))).toEqual(
        new Set([cookie])
      )
      expect((yield* two.send(cookie, look)).body).toEqual([1 + count / 2, "book"])
      expect(Option.isNone(yield* both.from.read(idIn(cookie)))).toBe(true)
    }
  })

const built = <E>(layer: Layer.Layer<Tag, E>) => Effect.orDie(Effect.map(Layer.build(layer), Context.get(Tag)))

suite("from connect-redis to this library's Redis", ["redis-server"], () => {
  const server = shared(RedisServer.single())
  const places = shared(
    Effect.suspend(() =>
      Effect.flatMap(server, ({ url }) =>
        Effect.all({ from: built(Express.redis({ url })), to: built(Redis.layer({ url })) })
      )
    )
  )

  it.live("32 requests at once, to two processes, move a session once and lose nothing", () => atOnce(places, 32))

  it.live("a sign-out ends a session at both places", () =>
    Effect.gen(function* () {
      const both = yield* places
      const { cookie, id, record } = yield* visited(both)
      const now = yield* moving(both)
      yield* now.send(cookie, signOut)
      yield* overwrite(both, id, record)
      expect((yield* now.send(cookie, look)).body).toEqual(nobody)
      expect(yield* both.from.exists(id)).toBe(false)
    })
  )
})

suite("from connect-redis to PostgreSQL", ["redis-server", "postgres"], () => {
  const servers = shared(
    Effect.all({ redis: RedisServer.single(), postgres: PostgresServer.make() }, { concurrency: 2 })
  )
  const places = shared(
    Effect.suspend(() =>
      Effect.flatMap(servers, ({ postgres, redis }) =>
        Effect.all({ from: built(Express.redis({ url: redis.url })), to: built(Postgres.layer({ url: postgres.url })) })
      )
    )
  )

  it.live("16 requests at once, to two processes, move a session once and lose nothing", () => atOnce(places, 16))
})
