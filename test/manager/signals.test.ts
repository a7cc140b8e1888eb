/**
 * What events tell of clients, over real requests: salted hashes of their address and agent, and that a session in which
 * somebody has signed in is used from elsewhere.
 */
import { createHmac, hash } from "node:crypto"
import {
  SessionCodec,
  type SessionConfig,
  type SessionError,
  SessionHttp,
  type SessionManager,
  type SessionProvider
} from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Stream from "#effect/Stream"
import * as HttpRouter from "#test/HttpRouter"
import { behindProxy } from "#test/middleware"
import { describe, expect, it } from "#test/vitest"
import { AppSession, probe, serve } from "../support/http.js"
import { onPlaces } from "../support/places.js"

const salt = "a salt of more than 16 bytes"
const both: SessionConfig.Options = {
  signals: ["address", "agent"],
  signalSalt: Redacted.make(salt),
  cookie: { secure: false }
}

const responding = (change: (session: Effect.Success<typeof AppSession>) => Effect.Effect<unknown, SessionError>) =>
  Effect.as(Effect.flatMap(AppSession, change), HttpServerResponse.empty())

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/in",
    responding((session) => session.signIn("ada"))
  ),
  HttpRouter.get(
    "/out",
    responding((session) => session.signOut)
  ),
  HttpRouter.get(
    "/renew",
    responding((session) => session.regenerate)
  ),
  HttpRouter.get(
    "/look",
    responding((session) => session.get("visits"))
  ),
  HttpRouter.get(
    "/idle",
    responding((session) => Effect.andThen(session.keepIdle, session.get("visits")))
  ),
  HttpRouter.get(
    "/count",
    responding((session) => session.update("visits", (n) => n + 1))
  ),
  HttpRouter.get(
    "/form",
    responding((session) => SessionHttp.csrf.check(session, "no token"))
  ),
  HttpRouter.get(
    "/fails",
    Effect.as(
      responding((session) => session.get("visits")),
      HttpServerResponse.empty({ status: 500 })
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession)),
  HttpRouter.use(behindProxy)
)

const home = { "x-forwarded-for": "192.0.2.7", "user-agent": "Firefox" }
const elsewhere = { ...home, "x-forwarded-for": "198.51.100.23" }

const digest = (text: string) => createHmac("sha256", salt).update(text).digest("base64url").slice(0, 16)
const ofHome = { address: digest("192.0.2.7"), agent: digest("Firefox") }
const ofElsewhere = { ...ofHome, address: digest("198.51.100.23") }

/** A site of which all events are heard; a visitor's browser keeps the cookie. */
const site = (options: SessionConfig.Options, backend?: Parameters<typeof serve>[2]) =>
  Effect.gen(function* () {
    const server = yield* serve(app, options, backend)
    const events: Array<SessionManager.SessionEvent> = []
    yield* Effect.forkScoped(Stream.runForEach(server.manager.events, (event) => Effect.sync(() => events.push(event))))
    yield* Effect.sleep(20)
    const cookies: { current: string | undefined } = { current: undefined }
    return {
      events,
      moves: () => events.flatMap((event) => (event._tag === "Moved" ? [event.changed] : [])),
      cookies,
      visit: (path: string, headers: Readonly<Record<string, string>>) =>
        Effect.gen(function* () {
          const { cookie, status } = yield* server.as(cookies.current)(path, { headers })
          cookies.current = cookie ?? cookies.current
          // The subscriber is a fiber of its own.
          yield* Effect.sleep(5)
          return status
        })
    }
  })

onPlaces((place) => {
  const opened = Effect.flatMap(place, (backend) => site(both, backend))

  it.live("an event of a session tells from where it was made, and never with what", () =>
    Effect.gen(function* () {
      const { cookies, events, visit } = yield* opened
      yield* visit("/count", home)
      yield* visit("/count", elsewhere)
      yield* visit("/renew", home)
      yield* visit("/out", home)
      yield* visit("/look", home)
      expect(events.filter(({ _tag }) => _tag !== "Conflict").map((event) => [event._tag, signalsOf(event)])).toEqual([
        ["Created", ofHome],
        ["Saved", ofElsewhere],
        ["Regenerated", ofHome],
        ["Destroyed", ofHome]
      ])
      cookies.current = `id=${"A".repeat(43)}; id=${"B".repeat(43)}`
      events.length = 0
      yield* visit("/look", { "user-agent": "curl", "x-forwarded-for": "203.0.113.1" })
      expect([...new Set(events.map(({ _tag }) => _tag))]).toEqual(["Tossed", "Unknown"])
      for (const event of events) {
        expect(signalsOf(event)).toEqual({ address: digest("203.0.113.1"), agent: digest("curl") })
      }
      const text = JSON.stringify(events)
      for (const word of ["203.0.113", "192.0.2", "198.51", "Firefox", "curl"]) expect(text).not.toContain(word)
    })
  )

  it.live("a session of somebody who is signed in that is used from elsewhere has moved: one event", () =>
    Effect.gen(function* () {
      const { events, moves, visit } = yield* opened
      yield* visit("/in", home)
      yield* visit("/look", home)
      yield* visit("/count", home)
      yield* visit("/renew", home)
      yield* visit("/look", home)
      expect(moves()).toEqual([])
      yield* visit("/look", elsewhere)
      expect(moves()).toEqual([["address"]])
      const moved = events.find(({ _tag }) => _tag === "Moved")
      const created = events.find(({ _tag }) => _tag === "Created")
      expect(signalsOf(moved!)).toEqual(ofElsewhere)
      expect(moved).toHaveProperty("session", expect.any(String))
      expect(created).toBeDefined()
      yield* visit("/look", elsewhere)
      yield* visit("/count", elsewhere)
      yield* visit("/renew", elsewhere)
      yield* visit("/look", elsewhere)
      expect(moves()).toEqual([["address"]])
      // What it is seen with is noted whatever the request does.
      yield* visit("/idle", home)
      yield* visit("/idle", home)
      expect(moves()).toEqual([["address"], ["address"]])
      yield* visit("/count", { "user-agent": "curl", "x-forwarded-for": "203.0.113.1" })
      expect(moves()).toEqual([["address"], ["address"], ["address", "agent"]])
      yield* visit("/in", { ...home, "user-agent": "curl" })
      expect(moves()).toHaveLength(4)
      yield* visit("/look", { ...home, "user-agent": "curl" })
      expect(moves()).toHaveLength(4)
    })
  )

  it.live("a session without an owner does not move, and a new one at its sign-in has not", () =>
    Effect.gen(function* () {
      const { moves, visit } = yield* opened
      yield* visit("/count", home)
      yield* visit("/look", elsewhere)
      yield* visit("/in", home)
      yield* visit("/look", home)
      expect(moves()).toEqual([])
    })
  )

  it.live("nothing is noted or told unless it is asked for", () =>
    Effect.gen(function* () {
      const { events, visit } = yield* site({ cookie: { secure: false } }, yield* place)
      yield* visit("/in", home)
      yield* visit("/look", elsewhere)
      yield* visit("/count", elsewhere)
      expect(events.map((event) => [event._tag, "signals" in event])).toEqual([
        ["Created", false],
        ["Saved", false]
      ])
    })
  )
})

const signalsOf = (event: SessionManager.SessionEvent) => ("signals" in event ? event.signals : undefined)

/** The hashes in a stored session. */
const storedClient = (provider: SessionProvider.Provider, cookie: string) =>
  Effect.map(
    provider.read(hash("sha256", cookie.split("=")[1]!, "base64url") as SessionProvider.StoredId),
    (found) => SessionCodec.json.decode(Option.getOrThrow(found).payload)!.owner?.client
  )

describe("what a backend is given", () => {
  it.live("is another hash for each session and each id, which only the id's owner can make", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const [one, other] = [yield* site(both, provider), yield* site(both, provider)]
      yield* one.visit("/in", home)
      yield* other.visit("/in", home)
      const first = yield* storedClient(provider, one.cookies.current!)
      expect(first).toEqual({
        address: expect.stringMatching(/^[\w-]{16}$/),
        agent: expect.stringMatching(/^[\w-]{16}$/)
      })
      expect(first).not.toEqual(ofHome)
      const second = yield* storedClient(provider, other.cookies.current!)
      yield* one.visit("/renew", home)
      const renewed = yield* storedClient(provider, one.cookies.current!)
      const all = [first, second, renewed].flatMap((client) => Object.values(client!))
      expect(new Set(all).size).toBe(6)
      const id = one.cookies.current!.split("=")[1]!
      const keyed = createHmac("sha256", id).update("effect-session address 192.0.2.7").digest("base64url")
      expect(renewed?.address).toBe(keyed.slice(0, 16))
    })
  )

  it.live("is one save more for a move, and none while nothing moves", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const { visit } = yield* site({ ...both, principals: { bestEffort: true } }, provider)
      yield* visit("/in", home)
      calls.length = 0
      yield* visit("/look", home)
      expect(calls).toEqual(["read"])
      yield* visit("/look", elsewhere)
      yield* visit("/look", elsewhere)
      expect(calls).toEqual(["read", "read", "write", "read"])
    })
  )

  it.live("is noted in a session from before the option, which has not moved by that", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const before = yield* site({ cookie: { secure: false } }, provider)
      yield* before.visit("/in", home)
      const { cookies, moves, visit } = yield* site(both, provider)
      cookies.current = before.cookies.current
      yield* visit("/look", home)
      expect(moves()).toEqual([])
      yield* visit("/look", elsewhere)
      expect(moves()).toEqual([["address"]])
    })
  )
})

describe("a move", () => {
  it.live("is one event for a page whose requests come at once", () =>
    Effect.gen(function* () {
      const { provider } = probe()
      const { moves, visit } = yield* site(both, provider)
      yield* visit("/in", home)
      yield* Effect.forEach(
        Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? "/look" : "/count")),
        (path) => visit(path, elsewhere),
        { concurrency: "unbounded" }
      )
      expect(moves()).toEqual([["address"]])
    })
  )

  it.live("is told of a request that fails, and never fails one", () =>
    Effect.gen(function* () {
      let writes = true
      const { provider } = probe(({ write }) => ({
        write: (...args) => Effect.suspend(() => (writes ? write(...args) : Effect.die("no more")))
      }))
      const { moves, visit } = yield* site(both, provider)
      yield* visit("/in", home)
      expect(yield* visit("/fails", elsewhere)).toBe(500)
      expect(moves()).toEqual([["address"]])
      writes = false
      expect(yield* visit("/look", home)).toBe(204)
      expect(moves()).toEqual([["address"]])
      writes = true
      expect(yield* visit("/look", home)).toBe(204)
      expect(moves()).toEqual([["address"], ["address"]])
    })
  )
})

it.live("a form without a token is an event that tells from where it came", () =>
  Effect.gen(function* () {
    const { events, visit } = yield* site(both)
    yield* visit("/count", home)
    expect(yield* visit("/form", elsewhere)).toBe(403)
    expect(events.map((event) => [event._tag, signalsOf(event)])).toEqual([
      ["Created", ofHome],
      ["CrossOrigin", ofElsewhere]
    ])
  })
)

describe("the salt", () => {
  it.live("is one of each process, unless one is given", () =>
    Effect.gen(function* () {
      const { signalSalt: _, ...options } = both
      const seen = yield* Effect.forEach([1, 2], () =>
        Effect.gen(function* () {
          const { events, visit } = yield* site(options)
          yield* visit("/count", home)
          return signalsOf(events[0]!)?.address
        })
      )
      expect(new Set([...seen, ofHome.address]).size).toBe(3)
    })
  )

  it.effect("is refused if it is short, and not shown", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        serve(app, { signals: ["agent"], signalSalt: Redacted.make("fifteen bytes..") })
      ) as Effect.Effect<SessionError>
      expect(error.reason).toBe("InvalidConfig")
      expect(error.message).toMatch(/^signalSalt: expected at least 16 random bytes/)
      expect(error.message).not.toContain("fifteen")
    })
  )
})
