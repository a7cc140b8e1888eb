// Apps on express and on fastify that keep their sessions in the store, each on two servers, as one browser sees them.
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type App, browser, onExpress, onFastify } from "./storeApps.js"
import { onBackends, type Stores, told, until } from "./storeBackends.js"

const apps = { express: onExpress, fastify: onFastify }

/** Two servers of one app, each with a store of its own. */
const twoServers = (start: (store: ReturnType<Stores>) => Promise<App>, stores: Stores) => {
  let both: readonly [App, App]
  beforeAll(async () => {
    both = [await start(stores()), await start(stores())]
  })
  afterAll(() => Promise.all(both.map((app) => app.close())))
  return () => both
}

onBackends((stores, backend) => {
  for (const [name, start] of Object.entries(apps)) {
    describe(name, () => {
      const servers = twoServers(start, stores)

      it("a browser's visits are counted on, on whichever server", async () => {
        const [one, other] = servers()
        const visitor = browser()
        for (const [i, app] of [one, other, other, one, one].entries()) {
          expect(await visitor.get(app, "/count")).toBe(`${i + 1}`)
        }
        expect(await browser().get(one, "/count")).toBe("1")
      })

      it("who signs in has a new id, and who signs out has no session, nor has a copy of the cookie", async () => {
        const [one, other] = servers()
        const visitor = browser()
        await visitor.get(one, "/count")
        const [before, copied] = [visitor.id(), new Map(visitor.cookies)]
        expect(await visitor.get(one, "/login?user=ada")).toBe("signed in")
        expect(visitor.id()).not.toBe(before)
        expect(await visitor.get(other, "/show")).toBe('{"user":"ada"}')
        const thief = browser()
        for (const [key, value] of copied) thief.cookies.set(key, value)
        expect(await thief.get(other, "/show")).toBe("{}")
        const signedIn = new Map(visitor.cookies)
        expect(await visitor.get(other, "/logout")).toBe("signed out")
        for (const [key, value] of signedIn) visitor.cookies.set(key, value)
        expect(await visitor.get(one, "/show")).toBe("{}")
      })

      it("a slow request does not undo a sign-out", async () => {
        const [one, other] = servers()
        const visitor = browser()
        await visitor.get(one, "/login?user=ada")
        const cookies = new Map(visitor.cookies)
        const slow = [visitor.get(one, "/set?key=a&value=1&held"), visitor.get(one, "/held")]
        await one.gate.holds(2)
        expect(await visitor.get(other, "/logout")).toBe("signed out")
        one.gate.open()
        await Promise.all(slow)
        for (const [key, value] of cookies) visitor.cookies.set(key, value)
        for (const app of servers()) {
          expect(await visitor.get(app, "/show")).toBe("{}")
        }
      })

      it("a slow request that changes nothing does not undo what another one changes", async () => {
        const [one, other] = servers()
        const visitor = browser()
        await visitor.get(one, "/set?key=a&value=1")
        const slow = visitor.get(one, "/held")
        await one.gate.holds(1)
        await visitor.get(other, "/set?key=a&value=2")
        one.gate.open()
        expect(await slow).toBe('{"a":"1"}')
        expect(await visitor.get(other, "/show")).toBe('{"a":"2"}')
      })

      it("a session lives as long as its own maxAge", async () => {
        const [one] = servers()
        const store = stores()
        const visitor = browser()
        await visitor.get(one, "/lasts?ms=3600000")
        const { cookie } = await told<any>((done) => store.get(visitor.id(), done))
        expect(Date.parse(cookie.expires) - Date.now()).toBeGreaterThan(3_000_000)
        expect(await visitor.get(one, "/show")).toBe('{"lasts":"3600000"}')
        await visitor.get(one, "/lasts?ms=50")
        const id = visitor.id()
        await until(async () => (await told((done) => store.get(id, done))) === null)
        expect(await visitor.get(one, "/show")).toBe("{}")
      })
    })
  }

  describe("express", () => {
    const servers = twoServers(onExpress, stores)

    it("requests that change different values at once keep them all", async () => {
      const [one, other] = servers()
      const visitor = browser()
      await visitor.get(one, "/set?key=first&value=0")
      const slow = [one, other, one, other].map((app, i) => visitor.get(app, `/set?key=k${i}&value=${i}&held`))
      await Promise.all([one.gate.holds(2), other.gate.holds(2)])
      one.gate.open()
      other.gate.open()
      expect(await Promise.all(slow)).toEqual(["set", "set", "set", "set"])
      expect(JSON.parse(await visitor.get(one, "/show"))).toEqual({ first: "0", k0: "0", k1: "1", k2: "2", k3: "3" })
    })
  })

  // What express does with its own options is the same on each backend.
  if (backend === "memory") {
    describe.each([
      { resave: true, rolling: false },
      { resave: false, rolling: true },
      { resave: true, rolling: true, saveUninitialized: true }
    ])("express with %o", (options) => {
      const servers = twoServers((store) => onExpress(store, { ...options, cookie: { maxAge: 60_000 } }), stores)

      it("a request that changes nothing undoes neither a change nor a sign-out, and renews the session", async () => {
        const [one, other] = servers()
        const visitor = browser()
        const store = stores()
        const ends = async () =>
          Date.parse((await told<any>((done) => store.get(visitor.id(), done)))?.cookie.expires ?? "")
        await visitor.get(one, "/set?key=a&value=1")
        const before = await ends()
        await until(() => Date.now() > before - 60_000 + 150)
        expect(await visitor.get(one, "/show")).toBe('{"a":"1"}')
        expect(await ends()).toBeGreaterThan(before)
        const slow = visitor.get(one, "/held")
        await one.gate.holds(1)
        await visitor.get(other, "/set?key=a&value=2")
        one.gate.open()
        await slow
        expect(await visitor.get(other, "/show")).toBe('{"a":"2"}')
        const cookies = new Map(visitor.cookies)
        const late = visitor.get(one, "/held")
        await one.gate.holds(1)
        await visitor.get(other, "/logout")
        one.gate.open()
        await late
        for (const [key, value] of cookies) visitor.cookies.set(key, value)
        expect(await visitor.get(other, "/show")).toBe("{}")
      })
    })
  }
})
