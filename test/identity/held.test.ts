/**
 * Requests under way when the id changes or the session ends, that save by themselves.
 */
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { onServers } from "./backends.js"
import { given, sendTo, serve } from "./client.js"

onServers((kept) => {
  /** A request that has read when another, with the same cookie, changes what the session is. */
  const during = (change: string, steps: string) =>
    Effect.gen(function* () {
      const site = yield* serve(yield* kept)
      const cookie = given(yield* site.send("", "cart:book"))
      const underWay = yield* sendTo(site, cookie, "it", `read,gate:it,${steps}`)
      const changed = yield* site.send(cookie, change)
      yield* Deferred.succeed(underWay.gate.open, undefined)
      const answer = yield* underWay.answer
      const after = yield* site.send(given(changed), "read")
      return { answer, after, told: answer.setCookie, old: yield* site.send(cookie, "read") }
    })

  it.live("its save fails, for its answer could show what is not its own to see", () =>
    Effect.gen(function* () {
      for (const steps of ["inc,save", "add", "save,inc,save", "touch,inc,save"]) {
        const { after, answer, old, told } = yield* during("renew,user:ada", steps)
        expect({ steps, status: answer.status, told }).toEqual({ steps, status: 503, told: [] })
        expect(after.seen.users).toEqual(["ada"])
        expect(after.seen.counts).toEqual([0])
        expect(old.seen.isNew).toEqual([true])
      }
    })
  )

  it.live("what it does after such a save begins no session, and takes no cookie away", () =>
    Effect.gen(function* () {
      for (const steps of ["inc,trySave,inc", "inc,trySave,read,inc", "inc,trySave,inc,trySave,inc"]) {
        const { after, answer, told } = yield* during("renew,user:ada", steps)
        expect({ steps, status: answer.status, told }).toEqual({ steps, status: 503, told: [] })
        expect(after.seen.users).toEqual(["ada"])
      }
    })
  )

  it.live("what it does after a save that came after the end begins no session either", () =>
    Effect.gen(function* () {
      const { answer, told } = yield* during("end", "inc,trySave,inc")
      expect({ status: answer.status, told }).toEqual({ status: 503, told: [] })
    })
  )

  it.live("what it writes is carried over, and it sees nothing of where", () =>
    Effect.gen(function* () {
      const { after, answer, told } = yield* during("renew,user:ada", "inc,read,inc,id")
      expect({ status: answer.status, told }).toEqual({ status: 200, told: [] })
      expect(answer.seen.users).toEqual(["", ""])
      expect(after.seen.counts).toEqual([2])
    })
  )

  it.live("the old id is dead for it as well if it touches the session", () =>
    Effect.gen(function* () {
      const { answer, old, told } = yield* during("renew,user:ada", "touch")
      expect({ status: answer.status, told }).toEqual({ status: 200, told: [] })
      expect(old.seen.isNew).toEqual([true])
    })
  )

  it.live("a sign-in that saves its new id before it has anything to store goes on to sign in", () =>
    Effect.gen(function* () {
      const site = yield* serve(yield* kept)
      for (const change of ["renew,user:eve", "end"]) {
        for (const steps of [
          "renew,save,user:ada",
          "gate:it,renew,save,user:ada",
          "read,gate:it,renew,save,user:ada"
        ]) {
          const cookie = given(yield* site.send("", "cart:book"))
          const underWay = steps.includes("gate") ? yield* sendTo(site, cookie, "it", steps) : undefined
          yield* site.send(cookie, change)
          yield* underWay === undefined ? Effect.void : Deferred.succeed(underWay.gate.open, undefined)
          const answer = yield* underWay?.answer ?? site.send(cookie, steps)
          expect({ change, steps, status: answer.status }).toEqual({ change, steps, status: 200 })
          expect((yield* site.send(given(answer), "read")).seen.users).toEqual(["ada"])
        }
      }
    })
  )
})
