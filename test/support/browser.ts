/**
 * Starts a real browser with empty profiles.
 */
import { type Browser, type BrowserContext, chromium } from "playwright-core"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { findProgram } from "../../scripts/programs.mjs"
import { shared } from "../provider/shared.js"

/** Starts Chromium, which asks nobody for news of its own. */
export const launch = (...args: ReadonlyArray<string>): Promise<Browser> =>
  chromium.launch({
    executablePath: findProgram("chromium")!,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", ...args]
  })

/** One browser for all tests of a suite, and in it an empty profile each time, for as long as the scope is open. */
export const browser = (...args: ReadonlyArray<string>): Effect.Effect<BrowserContext, never, Scope.Scope> => {
  const started = shared(
    Effect.acquireRelease(
      Effect.promise(() => launch(...args)),
      (browser) => Effect.promise(() => browser.close())
    )
  )
  return Effect.acquireRelease(
    Effect.flatMap(started, (browser) => Effect.promise(() => browser.newContext())),
    (context) => Effect.promise(() => context.close())
  )
}
