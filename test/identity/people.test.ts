/**
 * People who sign in, whose ids are renewed and whose sessions are ended, all at once: nobody is signed out by chance, nothing that was
 * acknowledged is lost, and what ended stays ended.
 */
import { hash } from "node:crypto"
import { SessionCodec, type SessionConfig, SessionProvider } from "effect-session"
import * as Context from "#effect/Context"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { expect } from "#test/vitest"
import { jar } from "../support/cookies.js"
import { soak } from "../support/soak.js"
import { onServers, type ProviderLayer } from "./backends.js"
import {
  type Answer,
  after,
  given,
  oneOf,
  type Random,
  randomly,
  type Site,
  sendTo,
  serve,
  together,
  upTo
} from "./client.js"

const options = {
  id: { renewEvery: "1 hour", grace: "10 minutes" },
  principals: { bestEffort: true },
  // A busy machine may make a line of requests wait for seconds.
  timeout: "1 minute"
} as const

/** A site, and one of its people. */
interface Visit {
  readonly site: Site
  readonly random: Random
  readonly name: string
  /** Signs in on another device, and returns its cookie. */
  readonly device: Effect.Effect<string>
  /** The like, on which the id is old. */
  readonly agedDevice: Effect.Effect<string>
  /** Sends a request to one of two processes, at some time in the next milliseconds. */
  readonly soon: (cookie: string, steps: string) => Effect.Effect<Answer>
  readonly who: (cookie: string) => Effect.Effect<string>
  readonly devices: Effect.Effect<number>
}

/** Makes the id of a cookie's session an old one. */
const age = ({ read, write }: SessionProvider.Provider, cookie: string) =>
  Effect.gen(function* () {
    const id = hash("sha256", cookie.split("=")[1]!, "base64url") as SessionProvider.StoredId
    const { payload, revision } = Option.getOrThrow(yield* read(id))
    const data = SessionCodec.json.decode(payload)!
    const older = SessionCodec.json.encode({ ...data, idMadeAt: data.createdAt! - 7_200_000 }) as Uint8Array
    expect((yield* write(id, older, Duration.minutes(20), revision))._tag).toBe("Written")
  })

/** Runs a visit so many times, of another person each. */
const visits = (
  kept: Effect.Effect<ProviderLayer>,
  random: Random,
  times: number,
  visit: (one: Visit) => Effect.Effect<unknown, unknown, any>,
  more: SessionConfig.Options = {}
) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(yield* kept)
    const provider = Context.get(context, SessionProvider.SessionProvider)
    const serving = serve(Layer.succeedContext(context), { ...options, ...more })
    // As two processes: within one, the changes of a session or of a list take turns.
    const [site, other] = yield* Effect.all([serving, serving])
    const run = Math.floor(random() * 1e9)
    yield* Effect.forEach(
      Array.from({ length: times }, (_, i) => `p${run}-${i}`),
      (name) => {
        const device = Effect.map(site.send("", `signin:${name}`), given)
        return Effect.scoped(
          visit({
            site,
            random,
            name,
            device,
            agedDevice: Effect.orDie(Effect.tap(device, (cookie) => age(provider, cookie))),
            soon: (cookie, steps) => after(upTo(random, 8), oneOf(random, [site, other]).send(cookie, steps)),
            who: (cookie) => Effect.map(site.send(cookie, "who"), ({ seen }) => seen.people[0]!),
            devices: Effect.map(site.send("", `devices:${name}`), ({ seen }) => seen.devices[0]!)
          })
        )
      },
      { concurrency: 5 }
    )
  }).pipe(Effect.orDie)

onServers((kept, isMain) => {
  const times = isMain ? soak(9, 150) : soak(4, 30)
  const repeatedly = (
    name: string,
    visit: (one: Visit) => Effect.Effect<unknown, unknown, any>,
    more?: SessionConfig.Options,
    often = times
  ) => randomly(name, (random) => visits(kept, random, often, visit, more))

  repeatedly("the renewal of an id beside requests that write: all of them go on in one session", (one) =>
    Effect.gen(function* () {
      const { agedDevice, devices, name, random, site, soon, who } = one
      const cookie = yield* agedDevice
      const browser = jar()
      const keep = (answer: Answer) => {
        browser.keep(answer)
        return answer
      }
      const underWay = yield* sendTo(site, cookie, name, `read,gate:${name},sleep:${upTo(random, 4)},inc`)
      const answers = yield* together([
        Effect.andThen(
          after(upTo(random, 8), Deferred.succeed(underWay.gate.open, undefined)),
          Effect.map(underWay.answer, keep)
        ),
        ...[1, 2, 3].map(() => Effect.map(soon(cookie, "inc"), keep))
      ])
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect(new Set(answers.map(given)).size).toBe(1)
      expect(browser.header()).not.toBe(cookie)
      expect((yield* site.send(browser.header(), "read")).seen.counts).toEqual([4])
      // A client that lost all the answers.
      const late = yield* site.send(cookie, "inc,read")
      expect([given(late), late.seen.counts]).toEqual([browser.header(), [5]])
      expect([yield* who(browser.header()), yield* devices]).toEqual([name, 1])
    })
  )

  repeatedly("a renewal and a write beside the end of all leave nothing", (one) =>
    Effect.gen(function* () {
      const { agedDevice, device, devices, name, soon, who } = one
      const [aged, other] = [yield* agedDevice, yield* device]
      const [ended, ...answers] = yield* together([
        soon("", `endall:${name}`),
        soon(aged, "read,sleep:2"),
        soon(aged, "inc"),
        soon(other, "read,sleep:2,inc"),
        soon(other, "read,renew")
      ])
      expect(ended!.status).toBe(200)
      for (const cookie of [aged, other, ...answers.map(given)]) {
        expect(yield* who(cookie)).toBe("")
      }
      expect(yield* devices).toBe(0)
    })
  )

  repeatedly("a sign-in beside the end of all is listed, or over", (one) =>
    Effect.gen(function* () {
      const { device, devices, name, site, soon, who } = one
      const [visitor, other] = [given(yield* site.send("", "cart:book")), yield* device]
      const [signedIn, again, ended] = yield* together([
        soon(visitor, `read,signin:${name}`),
        soon(other, `read,signin:${name}`),
        soon("", `endall:${name}`)
      ])
      expect([signedIn, again, ended].map((answer) => answer!.status)).toEqual([200, 200, 200])
      expect(yield* who(other)).toBe("")
      const alive = yield* Effect.filter([signedIn, again], (answer) =>
        Effect.map(who(given(answer!)), (who) => who === name)
      )
      expect(yield* devices).toBe(alive.length)
      yield* site.send("", `endall:${name}`)
      expect(yield* who(given(signedIn!))).toBe("")
      expect(yield* devices).toBe(0)
    })
  )

  repeatedly("the end of others beside their requests leaves the one that asks", (one) =>
    Effect.gen(function* () {
      const { agedDevice, device, devices, name, soon, who } = one
      const [own, aged, other] = [yield* device, yield* agedDevice, yield* device]
      const [ended, ...answers] = yield* together([
        soon(own, "endothers"),
        soon(aged, "read,sleep:2"),
        soon(aged, "inc"),
        soon(other, "read,renew")
      ])
      expect(ended!.status).toBe(200)
      for (const cookie of [aged, other, ...answers.map(given)]) {
        expect(yield* who(cookie)).toBe("")
      }
      expect([yield* who(own), yield* devices]).toEqual([name, 1])
    })
  )

  repeatedly(
    "20 sign-ins at once with a cap of 1: one of them stays",
    ({ devices, name, soon, who }) =>
      Effect.gen(function* () {
        const answers = yield* together(Array.from({ length: 20 }, () => soon("", `signin:${name}`)))
        expect(answers.filter(({ status }) => status !== 200)).toEqual([])
        const found = yield* Effect.forEach(answers, (answer) => who(given(answer)))
        expect(found.filter((who) => who === name).length).toBe(1)
        expect(yield* devices).toBe(1)
      }),
    { principals: { max: 1, bestEffort: true } },
    isMain ? soak(2, 20) : 1
  )
})
