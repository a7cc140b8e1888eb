// The store of express and fastify, called as they call it.
import { AsyncLocalStorage } from "node:async_hooks"
import { SessionError, SessionProvider } from "effect-session"
import * as ExpressStore from "effect-session/express-store"
import * as Memory from "effect-session/memory"
import { describe, expect, it } from "vitest"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { onBackends, told, until } from "./storeBackends.js"

const sessionOf = (values: object, cookie: object = { originalMaxAge: null, expires: null }): any => ({
  cookie,
  ...values
})
const endingIn = (millis: number) => ({ originalMaxAge: millis, expires: new Date(Date.now() + millis) })
const get = (store: ExpressStore.ExpressStore, sid: string) => told<any>((done) => store.get(sid, done))
const set = (store: ExpressStore.ExpressStore, sid: string, session: object) =>
  told<void>((done) => store.set(sid, session, done))
const touch = (store: ExpressStore.ExpressStore, sid: string, session: object) =>
  told<void>((done) => store.touch(sid, session, done))
const destroy = (store: ExpressStore.ExpressStore, sid: string) => told<void>((done) => store.destroy(sid, done))
const length = (store: ExpressStore.ExpressStore) => told<number>((done) => store.length(done))
const all = (store: ExpressStore.ExpressStore) => told<Array<any>>((done) => store.all(done))

let ids = 0
const newId = () => `sid-${process.pid}-${++ids}`

onBackends((stores) => {
  it("gives back what it was given, until that is destroyed", async () => {
    const [one, other] = [stores(), stores()]
    const sid = newId()
    expect(await get(one, sid)).toBeNull()
    const cookie = { ...endingIn(60_000), httpOnly: true, path: "/" }
    await set(
      one,
      sid,
      sessionOf({ name: "Adéla", cart: [1, { n: null }], isModified: false, no: undefined, f: () => 1 }, cookie)
    )
    const stored = {
      name: "Adéla",
      cart: [1, { n: null }],
      isModified: false,
      cookie: JSON.parse(JSON.stringify(cookie))
    }
    expect(await get(other, sid)).toEqual(stored)
    await destroy(other, sid)
    expect(await get(one, sid)).toBeNull()
    await destroy(one, sid)
  })

  it("a write does not bring back a session that another process has ended", async () => {
    const [one, other] = [stores(), stores()]
    const sid = newId()
    await set(one, sid, sessionOf({ n: 1 }))
    const read = await get(one, sid)
    await destroy(other, sid)
    await set(one, sid, { ...read, n: 2 })
    await set(one, sid, read)
    await touch(one, sid, read)
    // Nor does one of a process that has never read it, as when a new session is saved late.
    await set(other, sid, sessionOf({ n: 3 }))
    expect(await get(other, sid)).toBeNull()
  })

  it("of a session that was read, the values that changed are written onto what others have stored", async () => {
    const [one, other] = [stores(), stores()]
    const sid = newId()
    await set(one, sid, sessionOf({ a: 1, b: 1, c: 1, __proto__: null }))
    const [mine, theirs] = [await get(one, sid), await get(other, sid)]
    mine.a = 2
    delete mine.b
    theirs.c = 2
    theirs.d = { e: 1 }
    await set(other, sid, theirs)
    await set(one, sid, mine)
    expect(await get(one, sid)).toMatchObject({ a: 2, c: 2, d: { e: 1 } })
    expect(await get(one, sid)).not.toHaveProperty("b")
    // And again, from what it has written last.
    theirs.a = 3
    await set(other, sid, theirs)
    mine.b = 4
    await set(one, sid, mine)
    expect(await get(other, sid)).toMatchObject({ a: 3, b: 4, c: 2, d: { e: 1 } })
  })

  it("keeps every value of many requests that change others at once, in two processes", async () => {
    const both = [stores(), stores()]
    const sid = newId()
    await set(both[0]!, sid, sessionOf({}))
    const reads = await Promise.all(Array.from({ length: 16 }, (_, i) => get(both[i % 2]!, sid)))
    await Promise.all(reads.map((read, i) => set(both[i % 2]!, sid, Object.assign(read, { [`key${i}`]: i }))))
    const { cookie: _, ...values } = await get(both[0]!, sid)
    expect(values).toEqual(Object.fromEntries(reads.map((_, i) => [`key${i}`, i])))
  })

  it("a new maxAge of one request is kept by another that has read the old one", async () => {
    const [one, other] = [stores(), stores()]
    const sid = newId()
    await set(one, sid, sessionOf({}, endingIn(60_000)))
    const [mine, theirs] = [await get(one, sid), await get(other, sid)]
    await set(one, sid, { ...mine, cookie: endingIn(3_600_000) })
    await set(other, sid, Object.assign(theirs, { a: 1, cookie: { ...theirs.cookie, ...endingIn(59_999) } }))
    const { a, cookie } = await get(one, sid)
    expect([a, cookie.originalMaxAge]).toEqual([1, 3_600_000])
    expect(Date.parse(cookie.expires) - Date.now()).toBeGreaterThan(3_000_000)
  })

  it("lives as long as its cookie: not at all, if that is over; a touch renews that and nothing else", async () => {
    const store = stores()
    const [sid, over] = [newId(), newId()]
    await set(store, over, sessionOf({ n: 1 }, endingIn(60_000)))
    await touch(store, over, sessionOf({ n: 1 }, endingIn(-1)))
    expect(await get(store, over)).toBeNull()
    await set(store, sid, sessionOf({ n: 1 }, endingIn(60_000)))
    await touch(store, sid, sessionOf({ n: 2 }, endingIn(3_600_000)))
    const { cookie, n } = await get(store, sid)
    expect(n).toBe(1)
    expect(Date.parse(cookie.expires) - Date.now()).toBeGreaterThan(3_000_000)
    await touch(store, sid, sessionOf({}, endingIn(30)))
    await until(async () => (await get(store, sid)) === null)
    await set(store, sid, sessionOf({ n: 1 }, endingIn(-1)))
    expect(await get(store, sid)).toBeNull()
  })

  it("lives for a very long time, if its cookie says so", async () => {
    const store = stores()
    const sid = newId()
    const last = { originalMaxAge: 8e15, expires: new Date(8.64e15) }
    await set(store, sid, sessionOf({ n: 1 }, last))
    await set(store, sid, { ...(await get(store, sid)), n: 2 })
    await touch(store, sid, sessionOf({}, last))
    expect((await get(store, sid)).n).toBe(2)
  })

  it("counts, lists and clears", async () => {
    const store = stores()
    await told<void>((done) => store.clear(done))
    const sids = [newId(), newId()]
    await set(store, sids[0]!, sessionOf({ n: 1 }))
    await set(store, sids[1]!, sessionOf({ n: 2 }))
    expect(await length(store)).toBe(2)
    expect((await all(store)).map(({ n }) => n).sort()).toEqual([1, 2])
    expect(JSON.stringify(await all(store))).not.toContain(sids[0])
    await told<void>((done) => store.clear(done))
    expect(await length(store)).toBe(0)
    expect(await all(store)).toEqual([])
    await set(store, sids[0]!, sessionOf({ n: 3 }))
    expect(await get(store, sids[0]!)).toBeNull()
  })

  it("a closed store tells so", async () => {
    const store = stores()
    const underWay = set(store, newId(), sessionOf({}))
    await Promise.all([store.close(), store.close()])
    await underWay
    await expect(get(store, newId())).rejects.toMatchObject({ reason: "Unavailable", message: /closed/ })
    await store.close()
  })
})

const over = (change: (memory: SessionProvider.Provider) => Partial<SessionProvider.Provider>) => {
  const memory = Memory.make()
  return { ...memory, ...change(memory) }
}

describe("what cannot be stored", () => {
  it("is a typed error, and leaves what is stored", async () => {
    const memory = Memory.make()
    const small = SessionProvider.make({ ...memory, capabilities: { ...memory.capabilities, maxPayload: 200 } })
    const store = ExpressStore.make(small)
    const sid = newId()
    await set(store, sid, sessionOf({ n: 1 }))
    const read = await get(store, sid)
    await expect(set(store, sid, { ...read, text: "x".repeat(200) })).rejects.toMatchObject({ reason: "TooLarge" })
    await expect(set(store, sid, { ...read, n: 1n })).rejects.toMatchObject({ reason: "InvalidValue" })
    const circle: any = { ...read }
    circle.circle = circle
    await expect(set(store, sid, circle)).rejects.toMatchObject({ reason: "InvalidValue" })
    expect(await get(store, sid)).toMatchObject({ n: 1 })
    await expect(set(store, "no id", read)).rejects.toMatchObject({ reason: "InvalidValue", message: /genid/ })
    expect(await get(store, "no id")).toBeNull()
  })

  it("a record that is no session of express is none", async () => {
    const memory = Memory.make()
    const store = ExpressStore.make(memory, { hashed: false })
    for (const record of ["{", "[]", "1", ""]) {
      const sid = newId()
      await Effect.runPromise(memory.create(sid as SessionProvider.StoredId, Buffer.from(record), Duration.minutes(1)))
      expect(await get(store, sid)).toBeNull()
    }
  })
})

describe("a backend without marks", () => {
  it("does not get back a session that was read here, whichever object it is saved from", async () => {
    const unmarked = over(({ destroy }) => ({ destroy: (id) => destroy(id), marked: undefined }))
    const store = ExpressStore.make(unmarked)
    const sid = newId()
    await set(store, sid, sessionOf({ n: 1 }))
    await destroy(store, sid)
    // As fastify does, which copies what it has read.
    await set(store, sid, sessionOf({ n: 2 }))
    expect(await get(store, sid)).toBeNull()
  })
})

describe("a backend", () => {
  it("that does not answer is Unavailable in time, and what it holds is not shown", async () => {
    const store = ExpressStore.make(
      over(() => ({ read: () => Effect.callback(() => {}), name: "mine" })),
      { timeout: 20 }
    )
    const error = await get(store, "secret-id").then(
      () => undefined,
      (error) => error
    )
    expect(error).toBeInstanceOf(SessionError)
    expect(error).toMatchObject({ reason: "Unavailable", message: /^mine: no answer within 20ms/ })
    expect(String(error)).not.toContain("secret-id")
    await store.close()
  })

  it("that cannot be built gives its error, and is tried again", async () => {
    let built = 0
    const later = Layer.unwrap(
      Effect.suspend(() =>
        ++built < 3
          ? Effect.fail(new SessionError({ reason: "Unavailable", message: `down ${built}` }))
          : Effect.succeed(Layer.succeed(SessionProvider.SessionProvider, Memory.make()))
      )
    )
    const store = ExpressStore.make(later)
    expect(built).toBe(0)
    await expect(get(store, "a")).rejects.toThrow("down 1")
    await expect(get(store, "a")).rejects.toThrow("down 2")
    await Promise.all([set(store, "a", sessionOf({ n: 1 })), set(store, "b", sessionOf({ n: 1 }))])
    expect(await get(store, "a")).toMatchObject({ n: 1 })
    expect(built).toBe(3)
  })

  it("that cannot list is Unsupported", async () => {
    const store = ExpressStore.make(over(() => ({ list: undefined, count: undefined })))
    await expect(all(store)).rejects.toMatchObject({ reason: "Unsupported" })
    await expect(length(store)).rejects.toMatchObject({ reason: "Unsupported" })
    await expect(told((done) => store.clear(done))).rejects.toMatchObject({ reason: "Unsupported" })
  })

  it("whose sessions others change for ever is a Conflict", async () => {
    const store = ExpressStore.make(over(() => ({ write: () => Effect.succeed(SessionProvider.conflict()) })))
    await set(store, "a", sessionOf({}))
    await expect(set(store, "a", sessionOf({ n: 1 }))).rejects.toMatchObject({ reason: "Conflict" })
  })

  it("that dies tells no value", async () => {
    const store = ExpressStore.make(
      over(() => ({ read: (id) => Effect.die(new TypeError(id)) })),
      { hashed: false }
    )
    await expect(get(store, "secret-id")).rejects.toThrow(/died of TypeError$/)
  })

  it("is collected while the store is open, and released when it is closed", async () => {
    let collections = 0
    let wait: (() => void) | undefined
    let isReleased = false
    const layer = Layer.effect(
      SessionProvider.SessionProvider,
      Effect.acquireRelease(
        Effect.sync(() =>
          over(() => ({
            gc: Effect.sync(() => {
              collections++
              wait?.()
              return 0
            })
          }))
        ),
        () => Effect.sync(() => (isReleased = true))
      )
    )
    const store = ExpressStore.make(layer, { gcInterval: 5 })
    await set(store, "a", sessionOf({}))
    await new Promise<void>((resolve) => {
      wait = () => collections > 2 && resolve()
    })
    expect(isReleased).toBe(false)
    await store.close()
    expect(isReleased).toBe(true)
    const before = collections
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(collections).toBe(before)
  })
})

describe("ids that are not hashed", () => {
  it("are listed with the sessions", async () => {
    const memory = Memory.make()
    const [raw, hashed] = [ExpressStore.make(memory, { hashed: false }), ExpressStore.make(memory)]
    await set(raw, "mine", sessionOf({ n: 1 }))
    expect(await all(raw)).toEqual([{ ...sessionOf({ n: 1 }), id: "mine" }])
    expect(await all(hashed)).toEqual([sessionOf({ n: 1 })])
    expect(await get(hashed, "mine")).toBeNull()
  })
})

describe("a callback", () => {
  it("is called once, later, in the caller's context, and may throw", async () => {
    const store = ExpressStore.make(Memory.make())
    const context = new AsyncLocalStorage<string>()
    const calls: Array<unknown> = []
    const thrown = new Promise((resolve) => {
      // vitest's own would fail the run.
      const others = process.listeners("uncaughtException")
      process.removeAllListeners("uncaughtException")
      process.once("uncaughtException", (error) => {
        for (const each of others) process.on("uncaughtException", each)
        resolve(error)
      })
    })
    context.run("request", () =>
      store.get("a", () => {
        calls.push(context.getStore())
        throw new Error("in the app")
      })
    )
    expect(calls).toEqual([])
    expect(await thrown).toMatchObject({ message: "in the app" })
    expect(await get(store, "a")).toBeNull()
    expect(calls).toEqual(["request"])
  })

  it("can be left out", async () => {
    const store = ExpressStore.make(Memory.make())
    store.set("a", sessionOf({ n: 1 }))
    expect(await get(store, "a")).toMatchObject({ n: 1 })
    store.touch("a", sessionOf({}))
    store.destroy("a")
    store.set("no id", sessionOf({}))
    expect(await get(store, "a")).toBeNull()
  })
})

describe("options", () => {
  it.each([
    [{ tll: 5 }, "tll: unknown option: did you mean ttl?"],
    [{ ttl: 0 }, "ttl: expected a positive, finite duration"],
    [{ timeout: "soon" }, "timeout: expected a positive, finite duration"],
    [{ gcInterval: Number.POSITIVE_INFINITY }, "gcInterval: expected a positive, finite duration"],
    [{ hashed: "no" }, "hashed: expected true or false"]
  ])("%o", (options, message) => {
    expect(() => ExpressStore.make(Memory.make(), options as any)).toThrow(message)
  })

  it("a session whose cookie ends with the browser lives for ttl, by default a day", async () => {
    for (const [options, seconds] of [
      [{}, 86_400],
      [{ ttl: "2 hours" }, 7_200]
    ] as const) {
      const memory = Memory.make()
      const store = ExpressStore.make(memory, { ...options, hashed: false })
      await set(store, "a", sessionOf({}))
      const stored = Option.getOrThrow(await Effect.runPromise(memory.read("a" as SessionProvider.StoredId)))
      expect(Math.abs(stored.expiresAt - Date.now() - seconds * 1000)).toBeLessThan(60_000)
    }
  })
})

it("a session without a cookie is given back as it was set: express tells its visitor of the error, as with its own store", async () => {
  const store = ExpressStore.make(Memory.make())
  await set(store, "a", { n: 1 } as any)
  expect(await get(store, "a")).toEqual({ n: 1 })
  await store.close()
})
