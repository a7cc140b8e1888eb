/**
 * A sign-in that is clicked twice, one beside a sign-out, and what comes late with an id that was replaced or that has ended.
 */
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { jar } from "../support/cookies.js"
import { soak } from "../support/soak.js"
import { type Kept, onCookies, onServers } from "./backends.js"
import { after, given, randomly, type Site, sendTo, serve, together, upTo } from "./client.js"

const onAll = (tests: (kept: Effect.Effect<Kept>, isServer: boolean) => void): void => {
  onServers((kept) => tests(kept, true))
  onCookies((kept) => tests(kept, false))
}

/** Signs in so many times at once: every request has read before one of them goes on. */
const signInAtOnce = (site: Site, times: number, steps: string) =>
  Effect.gen(function* () {
    const cookie = given(yield* site.send("", "cart:book"))
    const clicks = yield* Effect.forEach(Array.from({ length: times }), (_, i) =>
      sendTo(site, cookie, `${i}`, `read,gate:${i},${steps}`)
    )
    yield* Effect.forEach(clicks, ({ gate }) => Deferred.succeed(gate.open, undefined))
    return { cookie, answers: yield* together(clicks.map(({ answer }) => answer)) }
  })

const signIns = ["renew,user:ada", "renew,user:ada,save", "user:ada,renew,save,read", "renew,save,user:ada"]

onAll((kept, isServer) => {
  for (const times of [2, 5]) {
    it.live(`a sign-in that is clicked ${times} times: each answer leaves the browser signed in, with its cart`, () =>
      Effect.gen(function* () {
        const site = yield* serve(yield* kept)
        for (const steps of signIns) {
          const { answers, cookie } = yield* signInAtOnce(site, times, steps)
          expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
          const cookies = answers.map(given)
          expect(new Set([...cookies, cookie]).size).toBe(times + 1)
          for (const own of cookies) {
            const { carts, users } = (yield* site.send(own, "read")).seen
            expect({ carts, users }).toEqual({ carts: ["book"], users: ["ada"] })
          }
          const { seen } = yield* site.send(cookie, "read")
          // A copy of a sealed cookie can be read again, unless endings are recorded.
          expect(seen.users).toEqual([""])
          expect(isServer ? seen.isNew : [true]).toEqual([true])
        }
      })
    )
  }

  randomly("a sign-in beside a sign-out: the browser is what the last answer says", (random) =>
    Effect.gen(function* () {
      const site = yield* serve(yield* kept)
      const one = Effect.gen(function* () {
        const browser = jar()
        browser.keep(yield* site.send("", "cart:book"))
        const cookie = browser.header()
        let last = ""
        const send = (name: string, steps: string) =>
          after(
            upTo(random, 8),
            Effect.map(site.send(cookie, steps), (answer) => {
              browser.keep(answer)
              last = name
              return answer.status
            })
          )
        const sleep = () => `sleep:${upTo(random, 3)}`
        const statuses = yield* together([
          send("in", `read,${sleep()},renew,${sleep()},user:ada,${sleep()}`),
          send("out", `read,${sleep()},end,${sleep()}`)
        ])
        expect(statuses).toEqual([200, 200])
        const { users } = (yield* site.send(browser.header(), "read")).seen
        expect({ last, users }).toEqual({ last, users: [last === "in" ? "ada" : ""] })
        return last
      })
      yield* Effect.all(
        Array.from({ length: soak(30, 200) }, () => one),
        { concurrency: 8 }
      )
    })
  )
})

/** What a client sends and is told, by cookie or by header. */
const transports = [
  {
    name: "cookie",
    options: {},
    send: (site: Site, token: string, steps: string) => site.send(token, steps),
    token: given
  },
  {
    name: "header",
    options: { cookie: false, header: "x-session" },
    send: (site: Site, token: string, steps: string) =>
      site.send("", steps, token === "" ? {} : { "x-session": token }),
    token: ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }) => String(headers["x-session"] ?? "")
  }
] as const

onServers((kept) => {
  for (const { name, options, send, token } of transports) {
    const late = (how: string, test: (client: ReturnType<typeof clientOf>) => Effect.Effect<unknown>) =>
      it.live(`${how}, by ${name}`, () =>
        Effect.flatMap(
          Effect.flatMap(kept, (kept) => serve(kept, options)),
          (site) => test(clientOf(site))
        )
      )
    const clientOf = (site: Site) => (sent: string, steps: string) =>
      Effect.map(send(site, sent, steps), ({ seen, status, ...told }) => ({ seen, status, token: token(told) }))

    late("what comes late with a replaced id reads nothing, and writes nothing", (client) =>
      Effect.gen(function* () {
        const old = (yield* client("", "cart:book")).token
        const own = (yield* client(old, "renew,user:ada")).token
        expect(own).not.toBe("")
        for (const steps of ["inc", "read,inc", "inc,save", "user:eve", "touch,inc", "add"]) {
          const { status, token } = yield* client(old, steps)
          expect({ steps, status, token }).toEqual({ steps, status: 503, token: "" })
        }
        const { seen, status, token } = yield* client(old, "read,touch")
        expect({ status, token, users: seen.users, isNew: seen.isNew }).toEqual({
          status: 200,
          token: "",
          users: [""],
          isNew: [true]
        })
        const still = (yield* client(own, "read")).seen
        expect([still.users, still.counts]).toEqual([["ada"], [0]])
      })
    )

    late("what goes on after a save that came too late is told no id", (client) =>
      Effect.gen(function* () {
        const old = (yield* client("", "cart:book")).token
        yield* client(old, "renew,user:ada")
        for (const steps of ["inc,trySave,inc", "read,inc,trySave,read,inc,trySave", "inc,trySave"]) {
          const { status, token } = yield* client(old, steps)
          expect({ steps, status, token }).toEqual({ steps, status: 503, token: "" })
        }
      })
    )

    late("what comes late with an ended id writes nothing, but a sign-in of its own begins a session", (client) =>
      Effect.gen(function* () {
        const old = (yield* client("", "cart:book,user:ada")).token
        yield* client(old, "end")
        const writing = yield* client(old, "inc")
        expect([writing.status, writing.token]).toEqual([503, ""])
        const reading = yield* client(old, "read")
        expect([reading.status, reading.token, reading.seen.isNew]).toEqual([200, "", [true]])
        const again = yield* client(old, "renew,user:bob")
        expect(again.status).toBe(200)
        const { carts, users } = (yield* client(again.token, "read")).seen
        expect({ carts, users }).toEqual({ carts: [""], users: ["bob"] })
        expect((yield* client(old, "read")).seen.isNew).toEqual([true])
      })
    )

    late("a sign-in of its own with a replaced id is a session of its own", (client) =>
      Effect.gen(function* () {
        const old = (yield* client("", "cart:book")).token
        const ada = (yield* client(old, "renew,user:ada")).token
        const bob = (yield* client(old, "renew,user:bob")).token
        expect(new Set([old, ada, bob]).size).toBe(3)
        const users = yield* Effect.forEach([ada, bob, old], (token) => client(token, "read"))
        expect(users.map(({ seen }) => [...seen.users, ...seen.carts])).toEqual([
          ["ada", "book"],
          ["bob", ""],
          ["", ""]
        ])
      })
    )

    late("an id that was never there still begins a session, under a fresh id", (client) =>
      Effect.gen(function* () {
        const { token } = yield* client("", "cart:book")
        const made = token.replace(/[^=]{8}$/, "AAAAAAAA")
        const begun = yield* client(made, "inc")
        expect(begun.status).toBe(200)
        expect(["", made, token]).not.toContain(begun.token)
      })
    )
  }
})
