/**
 * Vitest with Effect's tests.
 */
import * as Vitest from "@effect/vitest"
import type * as Scope from "effect/Scope"
import type * as TestServices from "effect/TestServices"

export * from "@effect/vitest"

/** Tests have a scope of their own. */
export const it = Object.assign(Vitest.it, {
  effect: Vitest.it.scoped,
  live: Vitest.it.scopedLive
}) as unknown as Vitest.API & {
  readonly effect: Vitest.Vitest.Tester<TestServices.TestServices | Scope.Scope>
  readonly live: Vitest.Vitest.Tester<Scope.Scope>
}
