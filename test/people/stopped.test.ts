/**
 * What a process leaves that stops while it renews an id.
 */
import { SessionError, SessionManager, type SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { devices, over, principal, signIn, site } from "./site.js"

const options = { id: { renewEvery: "10 minutes" } } as const

/** A process that stops when it would list a session, as soon as it is told. */
const stopping = (provider: SessionProvider.Provider) => {
  const process = { stopped: false }
  return {
    process,
    provider: {
      ...provider,
      principals: {
        ...provider.principals!,
        write: (...args: Parameters<SessionProvider.Records<never>["write"]>) =>
          process.stopped
            ? Effect.fail(new SessionError({ reason: "Unavailable", message: "stopped" }))
            : provider.principals!.write(...args)
      }
    }
  }
}

/** A device whose id was renewed by a process that stopped before it had listed the session under it. */
const renewed = Effect.gen(function* () {
  const memory = Memory.make()
  const { process, provider } = stopping(memory)
  const [one, other] = [yield* site(options, over(provider, options)), yield* site(options, over(memory, options))]
  const ada = one.browser()
  yield* ada.go(signIn("ada"))
  yield* TestClock.adjust("10 minutes")
  process.stopped = true
  expect((yield* ada.lose(principal)).status).toBe(503)
  return { other, cookie: ada.cookie }
})

describe("a process that stops between the renewal of an id and its entry in the list", () => {
  it.effect("leaves a session that the next request lists", () =>
    Effect.gen(function* () {
      const { cookie, other } = yield* renewed
      const ada = other.browser()
      ada.cookie = cookie
      expect((yield* ada.go(principal)).body).toBe("ada")
      expect(ada.cookie).not.toBe(cookie)
      expect((yield* ada.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
      yield* other.send(undefined, () => SessionManager.endAll("ada"))
      expect((yield* ada.go(principal)).body).toBe(null)
      expect(yield* other.manager.count).toBe(0)
    })
  )

  it.effect("leaves a session that the next request ends, if the person's sessions were ended meanwhile", () =>
    Effect.gen(function* () {
      const { cookie, other } = yield* renewed
      yield* other.send(undefined, () => SessionManager.endAll("ada"))
      expect((yield* other.send(cookie, principal)).body).toBe(null)
      expect(yield* other.manager.count).toBe(0)
    })
  )
})
