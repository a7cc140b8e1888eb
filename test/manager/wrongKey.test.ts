/**
 * An app that is started with a wrong key at rest, or without one: nothing that is stored is changed, and the log says it.
 */
import { hash } from "node:crypto"
import type { SessionConfig } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { describe, expect, it } from "#test/vitest"
import type { StoredId } from "../../src/Provider/Provider.js"
import { type Browser, increment, over, principal, signIn, site } from "../people/site.js"
import { key } from "../support/cookies.js"
import { collectLogs } from "../support/logs.js"

const right: SessionConfig.Options = { atRest: { keys: [key()] } }

const refOf = ({ cookie }: Browser) => hash("sha256", cookie!.split("=")[1]!, "base64url") as StoredId

const wrongs: Readonly<Record<string, SessionConfig.Options>> = {
  "with another key": { atRest: { keys: [key()] } },
  "with another key, while sealing is turned on": { atRest: { keys: [key()], migrating: true } },
  "with ids": { atRest: "id" },
  "without keys": {}
}

describe("sealed sessions in an app that is started", () => {
  for (const [name, wrong] of Object.entries(wrongs)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const provider = Memory.make()
        const good = yield* site({}, over(provider, right))
        const [ada, visitor] = [good.browser(), good.browser()]
        yield* ada.go(signIn("ada"))
        yield* visitor.go(increment)
        const stored = () =>
          Effect.forEach([ada, visitor], (browser) =>
            Effect.map(provider.read(refOf(browser)), (one) => Buffer.from(Option.getOrThrow(one).payload))
          )
        const before = yield* stored()

        const { layer, logged } = collectLogs()
        yield* Effect.gen(function* () {
          const bad = yield* site({}, over(provider, wrong))
          for (const { cookie } of [ada, visitor]) {
            const { body, setCookie } = yield* bad.send(cookie, (session) =>
              Effect.all([principal(session), session.get("count")])
            )
            expect([body, setCookie]).toEqual([[null, 0], []])
          }
          expect(logged.filter((line) => line.includes("atRest.keys"))).toHaveLength(1)
          // The list of ada's sessions cannot be read: none is stored that it would not have.
          const count = yield* provider.count!
          const { setCookie, status } = yield* bad.browser().go(signIn("ada"))
          expect([status, setCookie, yield* provider.count!]).toEqual([503, [], count])
          // Whoever changes something begins a session beside the one that cannot be read.
          expect((yield* bad.send(visitor.cookie, increment)).body).toBe(1)
        }).pipe(Effect.provide(layer))

        expect(yield* stored()).toEqual(before)
        expect((yield* ada.go(principal)).body).toBe("ada")
        expect((yield* visitor.go(increment)).body).toBe(2)
      })
    )
  }
})
