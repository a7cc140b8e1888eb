/**
 * A planted id, and requests of the attacker in flight around the victim's sign-in: nobody but the victim ever sees the victim's session.
 */

import * as Effect from "#effect/Effect"
import * as Logs from "#test/logs"
import { expect } from "#test/vitest"
import { soak } from "../support/soak.js"
import { attack, delayed } from "./attacker.js"
import type { onServers } from "./backends.js"
import { type Random, randomly, serve } from "./client.js"

/** On the main backends; the many are what a release is to show. */
const most = soak(40, 1000)

const triesOn = (isMain: boolean) => (isMain ? most : Math.ceil(most / 10))

/** How many tries go on at once: each has 21 requests in flight. */
const atOnce = 16

/** The tests; in two files, for they take their time. */
export const attacks: Parameters<typeof onServers>[0] = (kept, isMain) => {
  const tries = triesOn(isMain)
  randomly(
    `in many tries the attacker is neither given nor shown the victim's session`,
    (random: Random) =>
      Effect.gen(function* () {
        const site = yield* Effect.withTracerEnabled(
          serve(delayed(yield* kept, random, 2), { timeout: "2 minutes" }),
          false
        )
        const results = yield* Effect.forEach(
          Array.from({ length: tries }, (_, i) => `victim${i}`),
          (user) => Effect.map(attack(site, random, user), (result) => ({ user, ...result })),
          { concurrency: atOnce }
        )
        let [refused, sessions] = [0, 0]
        for (const { broken, form, planted, shared, shown, signedIn, user, ...result } of results) {
          expect({ form, signedIn, shown, shared, broken, planted }).toEqual({
            form,
            signedIn: [200, user],
            shown: 0,
            shared: false,
            broken: 0,
            planted: undefined
          })
          refused += result.refused
          sessions += result.sessions
        }
        // That there was something to be seen: some came too late, and many have begun sessions of their own.
        expect(refused).toBeGreaterThan(tries)
        expect(sessions).toBeGreaterThan(2 * tries)
      }).pipe(Effect.provide(Logs.nothing)),
    300_000
  )
}
