// How the tests of `doctor` ask it, and what they expect of everything that it says.
import { expect } from "vitest"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Effect from "#effect/Effect"
import { diagnose } from "../../../src/cli/doctor/diagnose.js"
import type { Finding } from "../../../src/cli/doctor/finding.js"

/** Parts of variables that must not be on a screen. */
const secretsIn = (variables: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(variables).flatMap(([name, value]) =>
    /_URL$/.test(name)
      ? [...value.matchAll(/:([^:@/]+)@/g)].map(([, password]) => password!)
      : /KEYS|SECRETS|PASSWORD|SALT/.test(name)
        ? value.split(",").filter((part) => part !== "id")
        : []
  )

/** What `doctor` says with these variables. None of it has a secret. */
export const examine = (variables: Readonly<Record<string, string>>): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(
    Effect.provide(diagnose, ConfigProvider.layer(ConfigProvider.fromEnvRecord({ ...variables }))),
    (findings) => {
      const said = JSON.stringify(findings)
      for (const secret of secretsIn(variables)) expect(said).not.toContain(secret)
      // An id is as long as this, stored or not.
      expect(said).not.toMatch(/[\w-]{43}/)
      for (const { level, todo, what } of findings) {
        expect(what).not.toBe("")
        // Whatever is not right has something to do.
        if (level !== "ok") expect([what, todo]).toEqual([what, expect.stringMatching(/./)])
      }
      return findings
    }
  )

/** The findings of all that is not right, as lines. */
export const troubles = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> =>
  findings.filter(({ level }) => level !== "ok").map(({ level, todo, what }) => `${level}: ${what}: ${todo}`)

/** Nothing is wrong, and at least so many things were looked at: all that could be. */
export const expectHealthy = (findings: ReadonlyArray<Finding>, atLeast: number): void => {
  expect(troubles(findings)).toEqual([])
  expect(findings.filter(({ what }) => what.startsWith("not checked"))).toEqual([])
  expect(findings.length).toBeGreaterThanOrEqual(atLeast)
}
