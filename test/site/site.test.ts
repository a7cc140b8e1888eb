/**
 * The documentation site, built as `npm run docs` builds it: its links, and what a reader sees in a real browser.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import type { Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root } from "../../scripts/programs.mjs"
import { suite } from "../servers/need.js"
import { launch } from "../support/browser.js"
import { pagesOf, type SitePage, serveFolder, targetOf } from "./pages.js"

const built = mkdtempSync(join(tmpdir(), "effect-session-site-"))
let pages: ReadonlyMap<string, SitePage> = new Map()

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(root, "scripts", "docs.mjs"), `--outDir=${built}`], { cwd: root })
  pages = pagesOf(built)
}, 300_000)

afterAll(() => rmSync(built, { recursive: true }))

describe("the links of the site", () => {
  const linksOf = (address: string) =>
    pages.get(address)!.links.flatMap((link) => {
      const target = targetOf(address, link)
      return target === undefined ? [] : [{ link, ...target }]
    })

  it("lead to pages, anchors and files that are there", () => {
    const links = [...pages.keys()].flatMap((page) => linksOf(page).map((link) => ({ page, ...link })))
    const broken = links.filter(({ address, anchor }) => {
      const page = pages.get(address)
      if (page === undefined) return !existsSync(join(built, address))
      return anchor !== "" && !page.anchors.has(anchor)
    })
    expect(links.length).toBeGreaterThan(2_000)
    expect(links.filter(({ anchor }) => anchor !== "").length).toBeGreaterThan(500)
    expect(broken.map(({ link, page }) => `${page}: ${link}`)).toEqual([])
  })

  it("lead to every page, from the first one", () => {
    const reached = new Set(["/index.html"])
    for (const page of reached) {
      for (const { address } of linksOf(page)) if (pages.has(address)) reached.add(address)
    }
    expect([...pages.keys()].filter((page) => !reached.has(page))).toEqual(["/404.html"])
  })
})

suite("the site in Chromium", ["chromium"], () => {
  let browser: Browser
  let server: Server
  let url = ""

  beforeAll(async () => {
    ;({ server, url } = await serveFolder(built))
    browser = await launch()
  }, 90_000)

  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  /** Opens a page, and fails if by the end of the test anything was missing or wrong in it. */
  const reading = async (path: string, test: (page: Page) => Promise<void>, options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ colorScheme: "light", ...options })
    const page = await context.newPage()
    const problems: Array<string> = []
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()))
    page.on("pageerror", ({ message }) => problems.push(message))
    page.on("response", (response) => response.status() >= 400 && problems.push(response.url()))
    await page.goto(url + path)
    await test(page)
    expect(problems).toEqual([])
    await context.close()
  }

  const heading = (page: Page) => page.locator("h1").first()
  const shows = (page: Page, title: string) => heading(page).filter({ hasText: title }).waitFor()

  it("leads from the first page to a guide, its neighbours and the reference", () =>
    reading("/", async (page) => {
      await page.getByRole("link", { name: "Get started" }).click()
      await shows(page, "Getting started")
      await page.locator(".VPSidebar").getByRole("link", { name: "HTTP", exact: true }).click()
      await shows(page, "HTTP")
      await page.locator(".VPNavBar").getByRole("link", { name: "Reference" }).click()
      await page.locator("main").getByRole("link", { name: "SessionManager" }).click()
      await shows(page, "SessionManager")
      expect(await page.locator("main").textContent()).toContain("function open<S extends Any>")
    }))

  it("has each program for the reader's Effect", () =>
    reading("/getting-started.html", async (page) => {
      const program = page.locator(".vp-code-group").first()
      const four = program.getByText('from "effect/http"')
      const three = program.getByText('from "@effect/platform"')
      expect([await four.isVisible(), await three.isVisible()]).toEqual([true, false])
      await program.getByText("Effect 3", { exact: true }).click()
      expect([await four.isVisible(), await three.isVisible()]).toEqual([false, true])
    }))

  it("finds a task and a name", () =>
    reading("/", async (page) => {
      for (const [words, title] of [
        ["behind a proxy", "proxy"],
        ["endEverything", "SessionManager"]
      ] as const) {
        await page.getByRole("button", { name: "Search" }).first().click()
        await page.locator("#localsearch-input").fill(words)
        await page.locator("#localsearch-list .result").filter({ hasText: title }).first().click()
        await page.locator("#localsearch-input").waitFor({ state: "detached" })
        await page.locator("main").getByText(words).first().waitFor()
      }
    }))

  it("is dark for who wants it, and stays so", () =>
    reading("/stores.html", async (page) => {
      const brightness = () =>
        page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)![0]))
      expect(await brightness()).toBeGreaterThan(240)
      await page.getByRole("switch", { name: "Switch to dark theme" }).click()
      await page.waitForFunction(() => document.documentElement.classList.contains("dark"))
      await page.reload()
      expect(await brightness()).toBeLessThan(50)
    }))

  it("can be read without JavaScript", () =>
    reading(
      "/",
      async (page) => {
        expect(await page.getByRole("heading", { name: "No lost updates" }).isVisible()).toBe(true)
        await page.getByRole("link", { name: "Get started" }).click()
        await shows(page, "Getting started")
        for (const from of ["effect/http", "@effect/platform"]) {
          expect(await page.getByText(`from "${from}"`).first().isVisible()).toBe(true)
        }
        await page.locator(".VPSidebar").getByRole("link", { name: "Redis" }).click()
        await shows(page, "Redis")
      },
      { javaScriptEnabled: false }
    ))

  it("fits a narrow screen, and a wide one", async () => {
    const page = await browser.newPage()
    // Each page's content in turn in one page without scripts: to load each with its own takes ten times as long.
    await page.route("**/*.js", (route) => route.abort())
    await page.goto(`${url}/404.html`)
    const wide: Array<unknown> = []
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 800 })
      const found = await page.evaluate(
        async (paths) => {
          const widths: Array<readonly [string, number]> = []
          for (const path of paths) {
            const html = await (await fetch(path)).text()
            document.body.innerHTML = new DOMParser().parseFromString(html, "text/html").body.innerHTML
            widths.push([path, document.documentElement.scrollWidth])
          }
          return widths
        },
        [...pages.keys()]
      )
      expect(found.length).toBe(pages.size)
      wide.push(...found.filter(([, content]) => content > width))
    }
    expect(wide).toEqual([])
    await page.close()
  })
})
