/**
 * The demo in a real browser: sign in, reload, count, sign out, back button, devices.
 */
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { suite } from "../servers/need.js"
import { freePorts } from "../servers/Process.js"
import { launch } from "../support/browser.js"
import { type Demo, startDemo, violations } from "../support/demoPages.js"

suite("the demo in Chromium", ["chromium"], () => {
  let url = ""
  let browser: Browser
  let demo: Demo

  beforeAll(async () => {
    const [port] = await freePorts(1)
    url = `http://localhost:${port}`
    demo = await startDemo(port!)
    browser = await launch()
  }, 90_000)

  afterAll(async () => {
    await browser?.close()
    await demo?.stop()
  })

  const visit = async (): Promise<Page> => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(url)
    return page
  }

  const signedIn = async (name: string): Promise<Page> => {
    const page = await visit()
    await page.fill("input[name=name]", name)
    await page.click("text=Sign in")
    return page
  }

  const rows = (page: Page) => page.locator(".devices li").allInnerTexts()

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
    expect(await page.textContent(".notice")).toBe("Welcome, Ada <b>Lovelace</b>.")
    await page.reload()
    expect(await page.locator(".notice").count()).toBe(0)
    await page.click("text=Count one more")
    await page.click("text=Count one more")
    expect(await page.textContent("#visits")).toBe("2")
    await page.fill("input[name=item]", "tea")
    await page.click("text=Add")
    expect(await page.locator("#cart li").allTextContents()).toEqual(["tea"])
  })

  it("fits a narrow screen", async () => {
    const page = await signedIn("Ada")
    await page.click("text=Try another backend")
    await page.waitForSelector("#events li")
    for (const width of [320, 360]) {
      await page.setViewportSize({ width, height: 640 })
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width)
    }
  })

  it("has nothing that axe finds wrong, on any page, in the light and in the dark", async () => {
    const page = await signedIn("Ada")
    await page.click("text=Try another backend")
    await page.waitForSelector("#events li")
    expect(await violations(page)).toEqual([])
    await page.click("text=Your devices")
    expect(await violations(page)).toEqual([])
    const stranger = await visit()
    await stranger.waitForSelector("text=Nothing is stored for you")
    expect(await violations(stranger)).toEqual([])
    await stranger.goto(`${url}/devices`)
    expect(await violations(stranger)).toEqual([])
  })

  it("works without JavaScript", async () => {
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
    await page.goto(url)
    await page.click("text=Count one more")
    expect(await page.textContent("#visits")).toBe("1")
    expect(await page.isVisible("#burst")).toBe(false)
    expect(await page.isVisible("#requests")).toBe(false)
    await page.click("text=Try another backend")
    expect(await page.isVisible("text=SESSION_PROVIDER=sqlite")).toBe(true)
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

  it("remembers who asks for it", async () => {
    const page = await visit()
    await page.fill("input[name=name]", "Ada")
    await page.check("text=Remember me")
    await page.click("text=Sign in")
    const [cookie] = await page.context().cookies()
    const days = (cookie!.expires - Date.now() / 1000) / 86_400
    expect(days).toBeGreaterThan(13.9)
    expect(days).toBeLessThanOrEqual(14)
    const other = await signedIn("Ada")
    expect((await other.context().cookies())[0]?.expires).toBe(-1)
  })

  it("shows a person's devices to that person alone", async () => {
    const [one, two] = [await signedIn("Grace <i>"), await signedIn("Grace <i>")]
    await signedIn("Someone else")
    for (const page of [one, two]) {
      await page.goto(url)
      await page.click("text=Your devices")
      expect(await page.textContent("h2")).toBe("Where Grace <i> is signed in")
      const shown = await rows(page)
      expect(shown.length).toBe(2)
      expect(shown.filter((text) => text.includes("This device")).length).toBe(1)
      expect(shown.every((text) => /^Chromium on \w+\b[\s\S]*Signed in just now\nLast seen just now/.test(text))).toBe(
        true
      )
      for (const width of [320, 360]) {
        await page.setViewportSize({ width, height: 640 })
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width)
      }
    }
    const [[first], [second]] = [await rows(one), await rows(two)]
    expect([first?.includes("This device"), second?.includes("This device")]).toEqual([true, false])
  })

  it("a stranger is not shown any devices", async () => {
    const page = await visit()
    const response = await page.goto(`${url}/devices`)
    expect(response?.status()).toBe(401)
    expect(await page.locator(".devices").count()).toBe(0)
    await page.click("text=Back")
    expect(await page.locator("input[name=name]").count()).toBe(1)
  })

  it("a device that is signed out on another one is out at its next click", async () => {
    const [one, two] = [await signedIn("Edsger"), await signedIn("Edsger")]
    await one.click("text=Your devices")
    await one.locator(".devices li", { hasNotText: "This device" }).locator("button").click()
    expect(one.url()).toBe(`${url}/devices`)
    expect(await rows(one)).toEqual([expect.stringContaining("This device")])
    await two.waitForSelector("text=Your session has ended.")
    await two.click("text=Count one more")
    expect(await two.textContent("p")).toContain("You were signed out meanwhile")
    await two.click("text=Back")
    expect(await two.locator("#name").count()).toBe(0)
    await two.fill("input[name=name]", "Edsger")
    await two.click("text=Sign in")
    expect(await two.textContent("#name")).toBe("Edsger")
    expect(await two.textContent("#visits")).toBe("0")
  })

  it("ends all others at once", async () => {
    const [one, two, three] = [await signedIn("Barbara"), await signedIn("Barbara"), await signedIn("Barbara")]
    const stranger = await signedIn("Alan")
    await two.click("text=Your devices")
    await two.click("text=Sign out all others")
    expect(await rows(two)).toEqual([expect.stringContaining("This device")])
    for (const page of [one, three]) {
      await page.waitForSelector("text=Your session has ended.")
      await page.goto(`${url}/devices`)
      expect(await page.textContent("p")).toBe("Sign in first.")
    }
    await stranger.reload()
    expect(await stranger.textContent("#name")).toBe("Alan")
  })
})
