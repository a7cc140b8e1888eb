// What becomes of sessions that move from the layout of express' sessions to this library's own, and of those that end meanwhile; with
// their ids at the old place, and with hashes of them there.
import { type SessionError, SessionManager, type SessionProvider, SessionStore } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { type Handler, increment, Shop, signOut } from "../people/site.js"
import { collectLogs } from "../support/logs.js"
import { after, before, idIn, keyIn, keys, moving, type Places } from "../support/moving.js"

export const onMemory = (hashed = false) =>
  Effect.sync((): Places => ({ from: Memory.make(), to: Memory.make(), hashed }))

export const look: Handler<unknown> = (session) =>
  Effect.map(Effect.all([session.get("count"), session.get("cart")]), ([count, cart]) => [
    count,
    Option.getOrNull(cart)
  ])

export const nobody = [0, null]

/** A browser that has a session with the app of before, and its record there. */
export const visited = (places: Places) =>
  Effect.gen(function* () {
    const browser = (yield* before(places)).browser()
    yield* browser.go((session) => Effect.andThen(session.set("cart", "book"), increment(session)))
    const [id, key] = [idIn(browser.cookie), keyIn(places, browser.cookie)]
    return { cookie: browser.cookie, id, key, record: Option.getOrThrow(yield* places.from.read(key)).payload }
  })

/** A process of before writes a session whole, as express does when a request ends that has read it. */
export const overwrite = ({ from }: Places, key: SessionProvider.StoredId, record: Uint8Array) =>
  Effect.andThen(from.destroy(key), from.create(key, record, Duration.days(14)))

const countOf = ({ from, to }: Places) =>
  Effect.map(Effect.all([keys(from), keys(to)]), (all) => all.map((ids) => ids.length))

export const cases = (hashed: boolean) => {
  describe("a session that moves", () => {
    it.effect("keeps its values, its id and its cookie, and leaves nothing at its old place", () =>
      Effect.gen(function* () {
        const places = yield* onMemory(hashed)
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
        const places = yield* onMemory(hashed)
        const now = (yield* moving(places)).browser()
        yield* now.go(look)
        yield* now.go(increment)
        expect((yield* now.go(look)).body).toEqual([1, null])
        expect(yield* countOf(places)).toEqual([0, 1])
      })
    )

    it.effect("lives for the idleTimeout from then on, and its absoluteTimeout begins", () =>
      Effect.gen(function* () {
        const places = yield* onMemory(hashed)
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
        const places = yield* onMemory(hashed)
        const { cookie } = yield* visited(places)
        yield* TestClock.adjust("15 days")
        expect((yield* (yield* moving(places)).send(cookie, look)).body).toEqual(nobody)
        expect(yield* countOf(places)).toEqual([0, 0])
      })
    )

    it.effect("leaves behind what no field reads, and tells so without showing it", () =>
      Effect.gen(function* () {
        const places = yield* onMemory(hashed)
        const { cookie, id, key, record } = yield* visited(places)
        const stored = { ...JSON.parse(Buffer.from(record).toString()), count: "three", flash: "hush", cart: "book" }
        yield* overwrite(places, key, Buffer.from(JSON.stringify(stored)))
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
        const places = yield* onMemory(hashed)
        const { cookie, key } = yield* visited(places)
        // A session in the new format is none in the old one.
        yield* overwrite(places, key, Buffer.from(`{"v":2,"t":${Date.now()},"d":{"Shop.cart":"stolen"}}`))
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
      happens: (
        places: Places,
        session: Effect.Success<ReturnType<typeof visited>>
      ) => Effect.Effect<unknown, SessionError>
    ) =>
      Effect.gen(function* () {
        const places = yield* onMemory(hashed)
        const session = yield* visited(places)
        const { cookie } = session
        let times = 0
        const write: SessionProvider.Provider["write"] = (...args) =>
          Effect.andThen(times++ === 0 ? happens(places, session) : Effect.void, places.from.write(...args))
        const now = yield* moving({ ...places, from: { ...places.from, write } })
        const seen = [yield* now.send(cookie, look), yield* now.send(cookie, look)]
        return { seen: seen.map(({ body }) => body), left: yield* countOf(places) }
      })

    it.effect("a sign-out in the app of before ends it", () =>
      Effect.gen(function* () {
        const met = yield* meeting(({ from }, { key }) => from.destroy(key))
        expect(met).toEqual({ seen: [nobody, nobody], left: [0, 0] })
      })
    )

    it.effect("a change in the app of before is taken over", () =>
      Effect.gen(function* () {
        const met = yield* meeting((places, { key, record }) =>
          overwrite(places, key, Buffer.from(Buffer.from(record).toString().replace("book", "lamp")))
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
        const met = yield* meeting((places, { id, key, record }) =>
          Effect.andThen(
            overwrite(places, key, Buffer.from(Buffer.from(record).toString().replace("book", "lamp"))),
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
              const places = yield* onMemory(hashed)
              const { cookie, key, record } = yield* visited(places)
              const now = yield* moving(places)
              if (hasMoved) {
                yield* now.send(cookie, look)
              }
              yield* now.send(cookie, end)
              for (const later of ["1 second", "1 hour", "13 days"] as const) {
                yield* overwrite(places, key, record)
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
        const places = yield* onMemory(hashed)
        const { cookie } = yield* visited(places)
        yield* (yield* before(places)).send(cookie, signOut)
        expect((yield* (yield* moving(places)).send(cookie, look)).body).toEqual(nobody)
      })
    )

    it.effect("is not marked if it never was", () =>
      Effect.gen(function* () {
        const { to } = yield* onMemory(hashed)
        const made: Array<string> = []
        const places = {
          hashed,
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
        const elsewhere = yield* onMemory(hashed)
        const { cookie } = yield* visited(elsewhere)
        yield* (yield* moving(places)).send(cookie, signOut)
        expect(made).toEqual([])
      })
    )
  })

  describe("outside of requests", () => {
    it.effect("sessions at both places are counted, listed, opened and ended", () =>
      Effect.gen(function* () {
        const places = yield* onMemory(hashed)
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
        ).toEqual(expect.arrayContaining([old.key, opened.key]))
        const session = yield* using(SessionManager.open(Shop, SessionStore.sessionId(opened.id)))
        expect(yield* session.get("count")).toBe(1)
        expect(yield* countOf(places)).toEqual([1, 2])
        yield* using(SessionManager.destroy(SessionStore.sessionId(moved.id)))
        yield* using(SessionManager.destroy(old.key))
        expect((yield* send(moved.cookie, look)).body).toEqual(nobody)
        expect((yield* send(old.cookie, look)).body).toEqual(nobody)
        expect((yield* send(opened.cookie, look)).body).toEqual([1, "book"])
        yield* visited(places)
        yield* using(SessionManager.endEverything)
        expect(yield* countOf(places)).toEqual([0, 0])
      })
    )
  })
}
