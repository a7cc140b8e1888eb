/**
 * Requests beside a sign-in: nothing that was acknowledged is lost, and the browser stays signed in, whichever answer it gets last.
 */
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import { expect } from "#test/vitest"
import { jar } from "../support/cookies.js"
import { soak } from "../support/soak.js"
import { type Kept, onCookies, onServers } from "./backends.js"
import { type Answer, after, given, type Random, randomly, type Site, sendTo, serve, together, upTo } from "./client.js"

/** How often, on the backends that all is tested on, and on the others. */
const times = (isMain: boolean) => (isMain ? soak(20, 150) : soak(8, 30))

/** A browser, with a session in which nothing has been counted. */
const begin = (site: Site) =>
  Effect.map(site.send("", "user:nobody"), (answer) => {
    const browser = jar()
    browser.keep(answer)
    return browser
  })

/** A sign-in beside three requests that write, and one that had read before: what they answered, and what the browser then reads. */
const signInBesideWrites = (site: Site, random: Random, name: string, signIn: string) =>
  Effect.gen(function* () {
    const browser = yield* begin(site)
    const cookie = browser.header()
    const keep = (answer: Answer) => {
      browser.keep(answer)
      return answer
    }
    // It has read, and writes while the sign-in, or after the sign-in, is under way.
    const underWay = yield* sendTo(site, cookie, name, `read,gate:${name},sleep:${upTo(random, 4)},inc`)
    const [signedIn, held, ...writes] = yield* together([
      Effect.map(after(upTo(random, 8), site.send(cookie, `read,${signIn},user:ada`)), keep),
      Effect.andThen(
        after(upTo(random, 8), Deferred.succeed(underWay.gate.open, undefined)),
        Effect.map(underWay.answer, keep)
      ),
      ...[1, 2, 3].map(() => Effect.map(after(upTo(random, 8), site.send(cookie, "inc")), keep))
    ])
    const last = yield* site.send(browser.header(), "read,who")
    return { signedIn: signedIn!, held: held!, writes, last }
  })

const signIns = (kept: Effect.Effect<Kept>, random: Random, times: number, signIn: string) =>
  Effect.gen(function* () {
    const site = yield* serve(yield* kept)
    return yield* Effect.forEach(
      Array.from({ length: times }, (_, i) => i),
      (i) => Effect.scoped(signInBesideWrites(site, random, `${i}`, signIn)),
      { concurrency: 5 }
    )
  })

const isAcknowledged = ({ status }: Answer) => status < 300

/** A sign-in that the app keeps in a field of its own, and one that the library knows of: all visitors are one person. */
const ways = [
  { beside: "regenerate beside requests that write", step: "renew", people: [""] },
  { beside: "signIn beside requests that write", step: "signin:ada", people: ["ada"] }
]

onServers((kept, isMain) => {
  for (const { beside, people, step } of ways) {
    randomly(`${beside} leaves the browser signed in, and loses nothing that was acknowledged`, (random) =>
      Effect.map(signIns(kept, random, times(isMain), step), (results) => {
        for (const { held, last, signedIn, writes } of results) {
          expect(signedIn.status).toBe(200)
          expect(last.seen.users).toEqual(["ada"])
          expect(last.seen.people).toEqual(people)
          // It had read before, so it can be sure of its change.
          expect(held.status).toBe(200)
          expect(held.setCookie).toEqual([])
          expect(last.seen.counts).toEqual([[held, ...writes].filter(isAcknowledged).length])
          // The others as well, or they were told to come again.
          expect(writes.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
          expect(writes.flatMap(({ setCookie }) => setCookie)).toEqual([])
        }
      })
    )
  }
})

onCookies((kept) => {
  for (const { beside, people, step } of ways) {
    randomly(`${beside} leaves the browser signed in, although changes may be lost`, (random) =>
      Effect.map(signIns(kept, random, times(true), step), (results) => {
        for (const { last, signedIn } of results) {
          expect(signedIn.status).toBe(200)
          expect(last.seen.users).toEqual(["ada"])
          expect(last.seen.people).toEqual(people)
        }
      })
    )
  }
})

/** How many increments there are in all, and by how many workers. */
const incrementsOn = (isMain: boolean) => (isMain ? soak(300, 2000) : soak(80, 300))
const workers = 8

onServers((kept, isMain) => {
  const increments = incrementsOn(isMain)
  randomly("increments beside sign-ins that go on and on: as many are stored as were acknowledged", (random) =>
    Effect.gen(function* () {
      // A busy machine may make a line of eight wait for seconds.
      const site = yield* serve(yield* kept, { timeout: "1 minute" })
      let cookie = given(yield* site.send("", "user:nobody"))
      let [left, atWork, acknowledged] = [increments, workers, 0]
      const work = Effect.gen(function* () {
        while (left-- > 0) {
          const answer = yield* site.send(cookie, `read,sleep:${upTo(random, 2)},inc`)
          expect(answer.setCookie).toEqual([])
          expect([200, 503]).toContain(answer.status)
          acknowledged += answer.status === 200 ? 1 : 0
        }
        atWork--
      })
      const signIns = Effect.gen(function* () {
        while (atWork > 0) {
          const answer = yield* site.send(cookie, "read,renew,user:ada")
          expect(answer.status).toBe(200)
          cookie = given(answer)
          yield* Effect.sleep(20)
        }
      })
      yield* together([signIns, ...Array.from({ length: workers }, () => work)])
      expect((yield* site.send(cookie, "read")).seen.counts).toEqual([acknowledged])
      // Refused were those that came between the change of the id and the answer that told it.
      expect(acknowledged).toBeGreaterThan(increments / 5)
    })
  )
})
