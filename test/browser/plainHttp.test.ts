/**
 * Secure cookies over plain http, in a real browser.
 */
import { SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpRouter from "#test/HttpRouter"
import { expect, it } from "#test/vitest"
import { suite } from "../servers/need.js"
import { browser } from "../support/browser.js"
import { AppSession, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/", HttpServerResponse.html('<form method="post" action="/login"><button>Sign in</button></form>')),
  HttpRouter.post(
    "/login",
    Effect.flatMap(AppSession, (session) => Effect.as(session.set("userId", "ada"), HttpServerResponse.text("hello")))
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

/** Signs in on a page of this host, which is this machine: how many cookies the browser then has, and what was logged. */
const signIn = (opened: ReturnType<typeof browser>, host: string) =>
  Effect.gen(function* () {
    const { layer, logged } = collectLogs()
    const { url } = yield* Effect.provide(serve(app), layer)
    const context = yield* opened
    return yield* Effect.promise(async () => {
      const page = await context.newPage()
      await page.goto(`http://${host}:${new URL(url).port}/`)
      await page.click("button")
      expect(await page.textContent("body")).toBe("hello")
      return { cookies: (await context.cookies()).length, logged }
    })
  })

suite("Chromium", ["chromium"], () => {
  const opened = browser("--host-resolver-rules=MAP * 127.0.0.1")

  it.live(
    "drops the cookie of another machine's page, and the log tells so",
    () =>
      Effect.map(signIn(opened, "app.test"), ({ cookies, logged }) => {
        expect(cookies).toBe(0)
        expect(logged).toEqual([expect.stringContaining("plain http")])
      }),
    60_000
  )

  it.live(
    "keeps that of its own machine's, and nothing is logged",
    () => Effect.map(signIn(opened, "localhost"), (seen) => expect(seen).toEqual({ cookies: 1, logged: [] })),
    60_000
  )
})
