/**
 * The demo's panel in a real browser: 50 visits at once, whose events it shows, and a restart with another backend.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as program from "#test/program"
import { suite } from "../servers/need.js"
import { freePorts } from "../servers/Process.js"
import { launch } from "../support/browser.js"
import { type Demo, startDemo } from "../support/demoPages.js"

suite("the demo's panel in Chromium", ["chromium"], () => {
  const directory = mkdtempSync(join(tmpdir(), "effect-session-panel-"))
  const sqlite = { SESSION_PROVIDER: "sqlite", SESSION_URL: join(directory, "sessions.db") }
  let port = 0
  let browser: Browser
  let demo: Demo

  beforeAll(async () => {
    port = (await freePorts(1))[0]!
    demo = await startDemo(port)
    browser = await launch()
  }, 90_000)

  afterAll(async () => {
    await browser?.close()
    await demo?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const visit = async (): Promise<Page> => {
    const page = await browser.newPage()
    await page.goto(`http://localhost:${port}`)
    await page.waitForSelector("text=Nothing is stored for you")
    return page
  }

  const restart = async (variables: Readonly<Record<string, string>>) => {
    // The streams of open pages do not keep it: it ends by itself.
    expect(await demo.stop()).toBe(program.stopped)
    demo = await startDemo(port, variables)
  }

  /** The name of the page's session. */
  const name = async (page: Page) => /the name (\S+),/.exec((await page.textContent("#live"))!)![1]!

  const requests = (page: Page) => page.locator("#requests li b").allTextContents()

  /** How often the panel says that an event has happened. */
  const times = async (page: Page, kind: string): Promise<number> => {
    const rows = await page.locator("#events li b").allTextContents()
    const row = rows.find((text) => text.split(" ")[0] === kind)
    return row === undefined ? 0 : Number(row.split(" × ")[1] ?? 1)
  }

  /** Waits until the panel says that so many changes were stored. */
  const stored = (page: Page, count: number) => page.waitForSelector(`#events b:text-is("Saved × ${count}")`)

  /** What the page says that became of 50 visits: how many were counted, and how many replayed. */
  const outcome = async (page: Page) => {
    const said = page.locator("#counted", { hasText: "counted in" })
    const [, counted, replayed] = /^(\d+) of 50 counted in [\d.]+ seconds\. (\d+) had/.exec(
      (await said.textContent())!
    )!
    return { counted: Number(counted), replayed: Number(replayed) }
  }

  it("50 at once shows 50, by the keyboard alone, and nothing of it to a second visitor", async () => {
    const [one, two] = [await visit(), await visit()]
    await one.focus("text=Count one more")
    await one.keyboard.press("Tab")
    await one.keyboard.press("Enter")
    const { counted, replayed } = await outcome(one)
    expect(counted).toBe(50)
    expect(await one.textContent("#visits")).toBe("50")
    // The keyboard is where it was.
    expect(await one.evaluate("document.activeElement.id")).toBe("burst")
    await stored(one, 50)
    expect(await times(one, "Created")).toBe(1)
    // In memory, each change that was replayed is a conflict, as the library's events tell.
    expect(await times(one, "Conflict")).toBe(replayed)
    await one.waitForSelector('#requests b:text-is("GET /visits")')
    expect(new Set(await requests(one))).toEqual(new Set(["POST /visits", "GET /visits"]))
    await two.fill("input[name=item]", "tea")
    await two.click("text=Add")
    await two.waitForSelector("#events li")
    expect(await two.locator("#events li b").allTextContents()).toEqual(["Created"])
    await two.waitForSelector('#requests b:text-is("GET /")')
    expect(await requests(two)).toEqual(["GET /", "POST /cart"])
    const [nameOne, nameTwo] = [await name(one), await name(two)]
    expect(nameOne).not.toBe(nameTwo)
    expect(await two.textContent("aside")).not.toContain(nameOne)
  })

  it("an open page outlives a restart with another backend, and its session one with the same", async () => {
    const page = await visit()
    await page.click("#burst")
    await outcome(page)
    await page.fill("input[name=item]", "half typed")
    await restart(sqlite)
    await page.waitForSelector("text=restarted with sessions in sqlite. A new session begins")
    await page.waitForSelector('#backend:text-is("sqlite")')
    await page.waitForSelector('#visits:text-is("0")')
    expect(await page.inputValue("input[name=item]")).toBe("half typed")

    await page.click("#burst")
    const { counted, replayed } = await outcome(page)
    expect(counted).toBe(50)
    await stored(page, 50)
    expect(await times(page, "Conflict")).toBe(replayed)
    await restart(sqlite)
    await page.waitForSelector("text=restarted with sessions in sqlite. Your session goes on.")
    await page.click("text=Count one more")
    expect(await page.textContent("#visits")).toBe("51")
    // The demo starts twice in it, which takes long on a busy machine.
  }, 180_000)

  it("a page whose session is ended elsewhere says so, and shows nobody", async () => {
    const context = await browser.newContext()
    const [one, two] = [await context.newPage(), await context.newPage()]
    await one.goto(`http://localhost:${port}`)
    await one.fill("input[name=name]", "Ada")
    await one.click("text=Sign in")
    await one.waitForSelector("text=Live.")
    await two.goto(`http://localhost:${port}`)
    await two.click("text=Sign out")
    await one.waitForSelector("text=Your session has ended.")
    await one.waitForSelector("input[name=name]")
    expect(await one.locator("#name").count()).toBe(0)
  })
})
