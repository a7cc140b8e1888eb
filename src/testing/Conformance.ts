/**
 * The conformance suite: tests of the provider contract that run against a real backend. It needs no test framework.
 *
 * @since 3.0.0
 */
import * as Effect from "#effect/Effect"
import { concurrencyCases } from "./concurrencyCases.js"
import { contractCases } from "./contractCases.js"
import { type Options, type Promised, promises } from "./declared.js"
import { expiryCases } from "./expiryCases.js"
import { idCases } from "./idCases.js"
import { listingCases } from "./listingCases.js"
import { markCases } from "./markCases.js"
import { newsCases } from "./newsCases.js"
import { peopleCases } from "./peopleCases.js"
import { raceCases } from "./raceCases.js"
import { recordCases } from "./recordCases.js"

export type {
  /**
   * @since 3.0.0
   * @category models
   */
  Options,
  /**
   * @since 3.0.0
   * @category models
   */
  Promised
} from "./declared.js"

/**
 * One case: an effect that fails or dies if the provider does not conform.
 *
 * @since 3.0.0
 * @category models
 */
export interface Case {
  readonly promise: Promised
  readonly name: string
  /**
   * Whether the case has to run alone, because it counts the backend's sessions or puts a load on it. All other cases
   * can run at the same time: most of them wait for a lifetime to end.
   */
  readonly exclusive: boolean
  readonly test: Effect.Effect<void, unknown>
}

/**
 * A case that does not apply to the provider, and is not run.
 *
 * @since 3.0.0
 * @category models
 */
export interface LeftOut {
  readonly promise: Promised
  readonly name: string
  /** The reason, such as `the provider says consistency: "lastWriteWins"`. */
  readonly because: string
}

/**
 * All cases of the suite: those that apply to the provider, and those that do not.
 *
 * @since 3.0.0
 * @category models
 */
export interface Suite {
  /** The cases to run, the exclusive ones first. */
  readonly cases: ReadonlyArray<Case>
  readonly leftOut: ReadonlyArray<LeftOut>
}

const all = [
  ...contractCases,
  ...idCases,
  ...expiryCases,
  ...listingCases,
  ...concurrencyCases,
  ...markCases,
  ...recordCases,
  ...newsCases,
  ...raceCases,
  ...peopleCases
].sort((a, b) => Number(b.exclusive) - Number(a.exclusive))

/**
 * Makes the cases for a provider, to be registered with a test framework one by one. Cases that need something the
 * provider does not declare are left out, with the reason.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionProvider } from "effect-session"
 * import * as Memory from "effect-session/memory"
 * import { Conformance } from "effect-session/testing"
 *
 * const suite = Conformance.suite({
 *   layer: Memory.layer(),
 *   capabilities: { ...SessionProvider.defaultCapabilities, durable: false, inProcess: true, maxPayload: Infinity },
 *   optional: { count: true, list: true, gc: true, marked: true, principals: true },
 *   pass: Effect.sleep
 * })
 *
 * // With @effect/vitest:
 * // for (const { exclusive, name, test } of suite.cases) it.live(name, () => test, { concurrent: !exclusive })
 *
 * @since 3.0.0
 * @category constructors
 */
export const suite = (options: Options): Suite => {
  const cases: Array<Case> = []
  const leftOut: Array<LeftOut> = []
  for (const { exclusive, name, needs, promise, test } of all) {
    const because = needs.map((need) => need(options)).find((reason) => reason !== undefined)
    if (because === undefined) {
      cases.push({ promise, name, exclusive, test: Effect.scoped(Effect.provide(test(options), options.layer)) })
    } else {
      leftOut.push({ promise, name, because })
    }
  }
  return { cases, leftOut }
}

/**
 * Formats a suite as text, with a line for each promise: how many of its cases check this provider, how many are left
 * out, and why.
 *
 * @example
 * import { Conformance } from "effect-session/testing"
 *
 * const show = (suite: Conformance.Suite) => console.log(Conformance.table(suite))
 * // no lost updates                  1 checked
 * // counted, listed and collected    2 checked, 3 left out: the provider has no gc
 *
 * @since 3.0.0
 * @category conversions
 */
export const table = ({ cases, leftOut }: Suite): string =>
  promises
    .map((promise) => {
      const checked = cases.filter((one) => one.promise === promise).length
      const out = leftOut.filter((one) => one.promise === promise)
      const reasons = [...new Set(out.map(({ because }) => because))].join("; ")
      const line = `${promise.padEnd(33)}${String(checked).padStart(2)} checked`
      return out.length === 0 ? line : `${line}, ${out.length} left out: ${reasons}`
    })
    .join("\n")
