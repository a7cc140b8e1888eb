/**
 * Two cookies of one name in a real browser: after the cookie's domain or path was changed, and if a sibling site has set one.
 */
import type { SessionConfig } from "effect-session"
import { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import type { BrowserContext, Page } from "playwright-core"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import { suite } from "../servers/need.js"
import { browser } from "../support/browser.js"
import type { Seen } from "./app.js"
import { serve } from "./client.js"

const host = "app.example.com"

/** A deployment of the app, with a cookie of these attributes, over the backend that all of them share. */
const deploy = (backend: SessionProvider.Provider, cookie: SessionConfig.CookieOptions) =>
  Effect.map(
    serve(Layer.succeedContext(Context.make(SessionProvider.SessionProvider, backend)), { cookie }),
    ({ url }) => new URL(url).port
  )

/** Visits a page that does these steps, and tells what it has seen. */
const visit = async (page: Page, port: string, steps: string, path = "/shop/cart/"): Promise<Seen> => {
  const response = await page.goto(`http://${host}:${port}${path}${steps}`)
  expect(response?.status()).toBe(200)
  return JSON.parse((await page.textContent("body"))!)
}

const user = async (page: Page, port: string, path?: string) => (await visit(page, port, "read", path)).users[0]

/** The session's cookies that the browser keeps, by their scopes. */
const scopes = async (context: BrowserContext) =>
  (await context.cookies()).filter(({ name }) => name === "id").map(({ domain, path }) => `${domain}${path}`)

const changes: ReadonlyArray<readonly [string, SessionConfig.CookieOptions, SessionConfig.CookieOptions, string]> = [
  ["the host's, then its domain's", {}, { domain: "example.com" }, ".example.com/"],
  ["its domain's, then the host's", { domain: "example.com" }, {}, `${host}/`],
  ["a longer domain, then a shorter", { domain: host }, { domain: "example.com" }, ".example.com/"],
  ["a longer path, then a shorter", { path: "/shop" }, { path: "/", name: "id" }, `${host}/`],
  ["a shorter path, then a longer", { path: "/" }, { path: "/shop" }, `${host}/shop`],
  ["both", { domain: "example.com", path: "/shop/cart" }, { name: "id" }, `${host}/`]
]

/** As the browser's own form of it. */
const scopeOf = ({ domain, path = "/" }: SessionConfig.CookieOptions) => ({
  domain: domain === undefined ? host : `.${domain}`,
  path
})

/** The cookie of a live session that somebody else has. */
const cookieOfAnother = async (port: string) => {
  const response = await fetch(`http://127.0.0.1:${port}/renew,user:eve`)
  return { name: "id", value: /^id=([^;]*)/.exec(response.headers.getSetCookie()[0]!)![1]! }
}

suite("Chromium", ["chromium"], () => {
  const open = Effect.flatMap(browser("--host-resolver-rules=MAP * 127.0.0.1"), (context) =>
    Effect.promise(async () => ({ context, page: await context.newPage() }))
  )

  for (const [what, before, after, scope] of changes) {
    it.live(
      `a cookie of another scope from now on (${what}): one can sign in and out as ever`,
      () =>
        Effect.gen(function* () {
          const backend = Memory.make()
          const [old, next] = yield* Effect.all([deploy(backend, before), deploy(backend, after)])
          const { context, page } = yield* open
          yield* Effect.promise(async () => {
            await visit(page, old, "renew,user:ada")
            expect(await user(page, old)).toBe("ada")
            // Who was signed in stays so.
            expect(await user(page, next)).toBe("ada")
            await visit(page, next, "renew,user:bob")
            expect(await user(page, next)).toBe("bob")
            await visit(page, next, "inc")
            await visit(page, next, "read,renew,user:dan")
            // The next change of the cookie has taken the old one away.
            expect(await scopes(context)).toEqual([scope])
            expect(await user(page, next)).toBe("dan")
            await visit(page, next, "end")
            expect(await user(page, next)).toBe("")
            expect(await scopes(context)).toEqual([])
            await visit(page, next, "renew,user:cem")
            expect(await user(page, next)).toBe("cem")
            // One who signs out with both.
            await visit(page, old, "renew,user:ada")
            await visit(page, next, "renew,user:ada")
            await visit(page, next, "end")
            expect(await user(page, next)).toBe("")
            expect(await scopes(context)).toEqual([])
          })
        }),
      60_000
    )

    it.live(
      `two live sessions, one in each scope (${what}): one page without them, and all is well`,
      () =>
        Effect.gen(function* () {
          const backend = Memory.make()
          const [old, next] = yield* Effect.all([deploy(backend, before), deploy(backend, after)])
          const { context, page } = yield* open
          yield* Effect.promise(async () => {
            await visit(page, next, "renew,user:ada")
            // What another deployment, or somebody else, has set beside it.
            const other = await cookieOfAnother(old)
            await context.addCookies([{ ...other, ...scopeOf(before) }])
            expect(await scopes(context)).toHaveLength(2)
            expect(await user(page, next)).toBe("")
            expect(await scopes(context)).toEqual([scope])
            expect(await user(page, next)).toBe("ada")
            // Again, and this time one signs in at once.
            await context.addCookies([{ ...other, ...scopeOf(before) }])
            await visit(page, next, "read,renew,user:bob")
            expect(await user(page, next)).toBe("bob")
            await context.addCookies([{ ...other, ...scopeOf(before) }])
            await visit(page, next, "end")
            expect(await user(page, next)).toBe("")
            expect(await scopes(context)).toEqual([])
          })
        }),
      60_000
    )
  }
})
