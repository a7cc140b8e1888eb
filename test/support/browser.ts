/**
 * Starts a real browser with an empty profile.
 */
import { type BrowserContext, chromium } from "playwright-core"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { findProgram } from "../../scripts/programs.mjs"

/** A browser that runs for as long as the scope is open. */
export const browser = (...args: ReadonlyArray<string>): Effect.Effect<BrowserContext, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() =>
      chromium.launch({ executablePath: findProgram("chromium")!, args: ["--no-sandbox", ...args] })
    ),
    (browser) => Effect.promise(() => browser.close())
  ).pipe(Effect.flatMap((browser) => Effect.promise(() => browser.newContext())))
