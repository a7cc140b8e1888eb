/**
 * The demo in a real browser: sign in, reload, count, sign out, back button.
 */
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as program from "#test/program"
import { findProgram } from "../../scripts/programs.mjs"
import { suite } from "../servers/need.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number }
      server.close(() => resolve(port))
    })
  })

suite("the demo in Chromium", ["chromium"], () => {
  let url = ""
  let browser: Browser
  let demo: ReturnType<typeof spawn>

  beforeAll(async () => {
    const port = await freePort()
    url = `http://localhost:${port}`
    demo = spawn(process.execPath, ["--import", "tsx", join(root, "example/main.ts")], {
      cwd: root,
      env: { ...program.env, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"]
    })
    await new Promise((resolve) => demo.stdout!.once("data", resolve))
    browser = await chromium.launch({
      executablePath: findProgram("chromium")!,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    })
  }, 90_000)

  afterAll(async () => {
    await browser?.close()
    demo?.kill()
  })

  const visit = async (): Promise<Page> => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(url)
    return page
  }

  it("gives no cookie to who only looks", async () => {
    const page = await visit()
    await page.reload()
    expect(await page.context().cookies()).toEqual([])
    expect(await page.textContent("#visits")).toBe("0")
  })

  it("knows who signed in, through reloads, and counts", async () => {
    const page = await visit()
    await page.fill("input[name=name]", "Ada <b>Lovelace</b>")
    await page.click("text=Sign in")
    expect(await page.textContent("#name")).toBe("Ada <b>Lovelace</b>")
    expect(await page.textContent("[role=status]")).toBe("Welcome, Ada <b>Lovelace</b>.")
    await page.reload()
    expect(await page.locator("[role=status]").count()).toBe(0)
    await page.click("text=Count one more")
    await page.click("text=Count one more")
    expect(await page.textContent("#visits")).toBe("2")
    await page.fill("input[name=item]", "tea")
    await page.click("text=Add")
    expect(await page.locator("#cart li").allTextContents()).toEqual(["tea"])
  })

  it("fits a narrow screen", async () => {
    const page = await visit()
    for (const width of [320, 360]) {
      await page.setViewportSize({ width, height: 640 })
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width)
    }
  })

  it("a script cannot read the cookie, and signing in changes it", async () => {
    const page = await visit()
    await page.click("text=Count one more")
    const [before] = await page.context().cookies()
    await page.fill("input[name=name]", "Ada")
    await page.click("text=Sign in")
    const [after] = await page.context().cookies()
    expect(before?.httpOnly && after?.httpOnly).toBe(true)
    expect(after?.sameSite).toBe("Lax")
    expect(after?.value).not.toBe(before?.value)
    expect(await page.evaluate("document.cookie")).toBe("")
    expect(await page.textContent("#visits")).toBe("1")
  })

  it("after signing out the back button shows nobody", async () => {
    const page = await visit()
    await page.fill("input[name=name]", "Ada")
    await page.click("text=Sign in")
    await page.click("text=Sign out")
    expect(await page.locator("#name").count()).toBe(0)
    expect(await page.context().cookies()).toEqual([])
    await page.goBack()
    expect(await page.locator("#name").count()).toBe(0)
    expect(await page.textContent("#visits")).toBe("0")
  })

  it("two tabs that count at once lose nothing", async () => {
    const page = await visit()
    await page.click("text=Count one more")
    await page.evaluate(async () => {
      await Promise.all(Array.from({ length: 50 }, () => fetch("/visits", { method: "POST" })))
    })
    await page.reload()
    expect(await page.textContent("#visits")).toBe("51")
  })
})
