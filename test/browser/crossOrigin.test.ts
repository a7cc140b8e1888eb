/**
 * What a foreign site's page can do to a visitor's session, in a real browser: with names below `localhost`, each of which
 * is a site of its own, and to which browsers send Fetch Metadata without https.
 */
import type { AddressInfo } from "node:net"
import type { SessionConfig } from "effect-session"
import type { BrowserContext, Page } from "playwright-core"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { suite } from "../servers/need.js"
import { browser } from "../support/browser.js"
import { serve } from "../support/http.js"
import { app, arrived, elsewhere } from "./crossOriginApp.js"

interface Scene {
  readonly context: BrowserContext
  readonly page: Page
  /** The app's origin, and that of its subdomain and of the other site. */
  readonly home: string
  readonly sub: string
  readonly evil: string
  readonly sessions: () => Promise<number>
  /** What the app shows to a visitor who types its address. */
  readonly seen: () => Promise<string>
}

const scene = (
  opened: ReturnType<typeof browser>,
  test: (scene: Scene) => Promise<void>,
  options: (evil: string, sub: string) => SessionConfig.Options,
  names = { app: "app.localhost", evil: "evil.localhost" }
) =>
  Effect.gen(function* () {
    const other = yield* elsewhere
    const evil = `http://${names.evil}:${(other.address() as AddressInfo).port}`
    const sub = `http://www.${names.app}:${(other.address() as AddressInfo).port}`
    const { manager, url } = yield* serve(app, options(evil, sub))
    const home = `http://${names.app}:${new URL(url).port}`
    const context = yield* opened
    const page = yield* Effect.promise(() => context.newPage())
    page.setDefaultTimeout(20_000)
    const seen = async () => {
      await page.goto(`${home}/`)
      return shown(page)
    }
    const sessions = () => Effect.runPromise(manager.count)
    yield* Effect.promise(() => test({ context, page, home, sub, evil, sessions, seen }))
  })

const shown = async (page: Page): Promise<string> => (await page.textContent("#seen"))!.trim()

const acts = ["/login?name=mallory", "/cart?item=planted", "/logout"]

/** Submits a form of the page that is open, and waits for the page that answers. Returns its status. */
const submit = async (page: Page, action: string): Promise<number> => {
  const answered = page.waitForResponse((response) => response.url() === action)
  await Promise.all([
    page.waitForURL(action),
    page.evaluate((action) => {
      document.body.insertAdjacentHTML("beforeend", `<form id="act" method="post" action="${action}"></form>`)
      ;(document.getElementById("act") as HTMLFormElement).submit()
    }, action)
  ])
  return (await answered).status()
}

/** Follows a link of the page that is open. */
const follow = async (page: Page, href: string): Promise<void> => {
  await page.evaluate((href) => {
    document.body.insertAdjacentHTML("beforeend", `<a id="link" href="${href}">link</a>`)
  }, href)
  await Promise.all([page.waitForURL(href), page.click("#link")])
}

/** All that a page can do without leaving: returns what a WebSocket was told. */
const fromWithin = (page: Page, home: string): Promise<string> =>
  page.evaluate(
    async ([home, acts]) => {
      const loaded = (element: HTMLElement, start: () => void) =>
        new Promise<void>((resolve) => {
          element.onload = () => resolve()
          element.onerror = () => resolve()
          start()
        })
      const place = (tag: "img" | "iframe" | "script", src: string) => {
        const element = document.createElement(tag)
        return loaded(element, () => {
          element.src = src
          document.body.append(element)
        })
      }
      const form = (action: string) => {
        document.body.insertAdjacentHTML(
          "beforeend",
          `<iframe name="f"></iframe><form method="post" target="f" action="${action}"></form>`
        )
        const frame = document.body.querySelector<HTMLIFrameElement>("iframe[name=f]")!
        const inside = document.body.querySelector<HTMLFormElement>("form:last-of-type")!
        return loaded(frame, () => inside.submit()).then(() => {
          frame.remove()
          inside.remove()
        })
      }
      for (const act of acts) {
        const url = home + act
        for (const method of ["GET", "POST"]) {
          await fetch(url, { method, mode: "no-cors", credentials: "include" })
        }
        await place("img", url)
        await place("script", url)
        await place("iframe", url)
        await form(url)
      }
      return new Promise<string>((resolve) => {
        const ws = new WebSocket(`${home.replace("http", "ws")}/socket`)
        ws.onopen = () => ws.send("planted")
        ws.onmessage = ({ data }) => {
          resolve(data)
          ws.close()
        }
        ws.onclose = () => resolve("closed")
      })
    },
    [home, acts] as const
  )

suite("Chromium", ["chromium"], () => {
  const opened = browser("--host-resolver-rules=MAP * 127.0.0.1")

  for (const sameSite of ["lax", "strict"] as const) {
    it.live(
      `${sameSite}: a foreign site's page changes nothing for a visitor who is signed in, and begins nothing for one who is not; links in work`,
      () =>
        scene(
          opened,
          async ({ context, evil, home, page, seen, sessions, sub }) => {
            arrived.clear()
            await page.goto(`${evil}/`)
            const attack = async () => {
              expect(await fromWithin(page, home)).toBe("CrossOrigin")
              for (const act of acts) {
                await page.goto(`${evil}/`)
                expect(await submit(page, home + act)).toBe(403)
                if (sameSite === "strict") {
                  await page.goto(`${evil}/`)
                  await follow(page, home + act)
                }
              }
            }
            await attack()
            expect([await context.cookies(), await sessions()]).toEqual([[], 0])

            await page.goto(`${home}/cart?item=mine`)
            await page.goto(`${home}/login?name=ada`)
            const before = await context.cookies()
            await page.goto(`${evil}/`)
            await attack()
            expect(await context.cookies()).toEqual(before)
            expect(await seen()).toBe("ada: mine")
            for (const kind of ["GET empty", "POST empty", "GET image", "GET script", "GET iframe", "POST iframe"]) {
              expect(arrived).toContain(kind)
            }

            // A link in: strict keeps the session for the next page.
            await page.goto(`${evil}/`)
            await follow(page, `${home}/`)
            expect(await shown(page)).toBe(sameSite === "lax" ? "ada: mine" : "nobody:")
            expect(await seen()).toBe("ada: mine")

            // A subdomain is of the same site, and still another origin.
            await page.goto(`${sub}/`)
            await follow(page, `${home}/`)
            expect(await shown(page)).toBe("ada: mine")
            await page.goto(`${sub}/`)
            expect(await submit(page, `${home}/cart?item=theirs`)).toBe(403)
            expect(await seen()).toBe("ada: mine")
          },
          () => ({ cookie: { sameSite } })
        ),
      90_000
    )
  }

  it.live(
    "a return from an identity provider signs in, by a redirect, a link, and a trusted origin's form; a trusted subdomain acts",
    () =>
      scene(
        opened,
        async ({ context, evil, home, page, seen, sub }) => {
          for (const authorize of ["/authorize", "/consent"]) {
            await context.clearCookies()
            await page.goto(`${home}/`)
            const to = encodeURIComponent(`${evil}${authorize}?back=${encodeURIComponent(`${home}/callback`)}`)
            await page.evaluate((href) => {
              location.href = href
            }, `${home}/start?to=${to}`)
            if (authorize === "/consent") await page.click("#go")
            await page.waitForURL(`${home}/callback?state=s1`)
            expect(await page.textContent("body")).toBe("in")
            expect(await seen()).toBe("ada:")
          }
          await context.clearCookies()
          await page.goto(`${evil}/`)
          expect(await submit(page, `${home}/login?name=bob`)).toBe(200)
          expect(await seen()).toBe("bob:")
          // It has the visitor's cookie no more than anybody else: it cannot sign out, nor plant a cart.
          for (const act of ["/cart?item=planted", "/logout"]) {
            await page.goto(`${evil}/`)
            expect(await submit(page, home + act)).toBe(403)
          }
          expect(await seen()).toBe("bob:")
          // A trusted origin of the same site has it.
          await page.goto(`${sub}/`)
          expect(await submit(page, `${home}/cart?item=theirs`)).toBe(200)
          expect(await seen()).toBe("bob: theirs")
        },
        (evil, sub) => ({ crossOrigin: { trusted: [evil, sub] } })
      ),
    60_000
  )

  it.live(
    "over plain http browsers send no Fetch Metadata: Origin tells",
    () =>
      scene(
        opened,
        async ({ context, evil, home, page, seen }) => {
          await page.goto(`${home}/cart?item=mine`)
          const before = await context.cookies()
          for (const act of acts) {
            await page.goto(`${evil}/`)
            expect(await submit(page, home + act)).toBe(403)
          }
          expect(await context.cookies()).toEqual(before)
          expect(await seen()).toBe("nobody: mine")
          expect(await submit(page, `${home}/cart?item=more`)).toBe(200)
          expect(await seen()).toBe("nobody: mine more")
        },
        () => ({ cookie: { secure: false } }),
        { app: "app.test", evil: "evil.test" }
      ),
    60_000
  )
})
