/**
 * Sessions that a browser holds, in a real one.
 */
import { randomBytes } from "node:crypto"
import { SessionConfig, SessionHttp, SessionStore } from "effect-session"
import * as Cookie from "effect-session/cookie"
import type { BrowserContext, Page } from "playwright-core"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"
import { expect, it } from "#test/vitest"
import { suite } from "../servers/need.js"
import { browser } from "../support/browser.js"
import { key } from "../support/cookies.js"
import { serve } from "../support/http.js"

class Notes extends SessionStore.Tag<Notes>()("Notes", { text: Schema.String }) {}

// Random, as encoded for JSON: ten kilobytes that nothing makes smaller.
const text = randomBytes(5 * 1024).toString("hex")

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/",
    Effect.map(
      Effect.flatMap(Notes, (session) => session.get("text")),
      (text) => HttpServerResponse.text(Option.getOrElse(text, () => "nobody"))
    )
  ),
  HttpRouter.get(
    "/keep",
    Effect.flatMap(Notes, (session) => Effect.as(session.set("text", text), HttpServerResponse.text("kept")))
  ),
  HttpRouter.get(
    "/less",
    Effect.flatMap(Notes, (session) => Effect.as(session.set("text", "less"), HttpServerResponse.text("less")))
  ),
  HttpRouter.get(
    "/logout",
    Effect.flatMap(Notes, (session) => Effect.as(session.destroy, HttpServerResponse.text("out")))
  ),
  HttpRouter.use(SessionHttp.middleware(Notes))
)

suite("Chromium", ["chromium"], () => {
  const opened = browser()
  const visit = (test: (page: Page, url: string, context: BrowserContext) => Promise<void>) =>
    Effect.gen(function* () {
      const { url } = yield* serve(app, SessionConfig.localHttp, yield* Cookie.make({ keys: [key()] }))
      const context = yield* opened
      const page = yield* Effect.promise(() => context.newPage())
      yield* Effect.promise(() => test(page, url, context))
    })

  const shown = async (page: Page) => (await page.textContent("body"))?.trim()
  const names = async (context: BrowserContext) => (await context.cookies()).map(({ name }) => name).sort()

  it.effect(
    "a session of 10 KB survives a reload; when it shrinks, and when it ends, its cookies go",
    () =>
      visit(async (page, url, context) => {
        await page.goto(`${url}/keep`)
        expect(await names(context)).toEqual(["id", "id.1", "id.2", "id.3"])
        await page.goto(url)
        expect(await shown(page)).toBe(text)
        await page.reload()
        expect(await shown(page)).toBe(text)
        await page.goto(`${url}/less`)
        expect(await names(context)).toEqual(["id"])
        await page.goto(url)
        expect(await shown(page)).toBe("less")
        await page.goto(`${url}/keep`)
        await page.goto(`${url}/logout`)
        expect(await names(context)).toEqual([])
        await page.goto(url)
        expect(await shown(page)).toBe("nobody")
      }),
    60_000
  )

  it.effect(
    "one cookie less by hand is a clean anonymous session, and the next one is whole",
    () =>
      visit(async (page, url, context) => {
        for (const name of ["id", "id.1", "id.3"]) {
          await page.goto(`${url}/keep`)
          await context.clearCookies({ name })
          const response = await page.goto(url)
          expect(response?.status()).toBe(200)
          expect(await shown(page)).toBe("nobody")
          await page.goto(`${url}/less`)
          expect(await names(context)).toEqual(["id"])
          await page.goto(url)
          expect(await shown(page)).toBe("less")
        }
      }),
    60_000
  )
})
