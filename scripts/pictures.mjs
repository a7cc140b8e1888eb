// `npm run pictures`: makes the README's pictures of the demo anew. Starts the demo on a free port and visits it with
// Chromium, in the light theme and at a fixed size. Two runs differ in the times of calls and the names of sessions.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { join } from "node:path"
import { chromium } from "playwright-core"
import { findProgram, root } from "./programs.mjs"

const probe = createServer().listen(0, "127.0.0.1")
await once(probe, "listening")
const port = /** @type {import("node:net").AddressInfo} */ (probe.address()).port
probe.close()

const demo = spawn(process.execPath, ["--import", "tsx", join(root, "example", "main.ts")], {
  env: {
    ...process.env,
    PORT: `${port}`,
    SESSION_PROVIDER: "memory",
    TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
    npm_lifecycle_event: "example"
  },
  stdio: ["ignore", "pipe", "inherit"]
})
await once(/** @type {import("node:stream").Readable} */ (demo.stdout), "data")
const browser = await chromium.launch({ executablePath: findProgram("chromium"), args: ["--no-sandbox"] })

const viewport = { width: 1040, height: 700 }

/** @param {string | undefined} userAgent */
const signedIn = async (userAgent) => {
  const context = await browser.newContext({
    viewport,
    colorScheme: "light",
    reducedMotion: "reduce",
    ...(userAgent && { userAgent })
  })
  const page = await context.newPage()
  await page.goto(`http://localhost:${port}`)
  await page.click("text=Count one more")
  await page.fill("input[name=name]", "Ada")
  await page.click("text=Sign in")
  return page
}

const picture = async (/** @type {import("playwright-core").Page} */ page, /** @type {string} */ name) => {
  await page.evaluate("document.activeElement.blur(); document.fonts.ready")
  await page.mouse.move(0, 0)
  await page.screenshot({ path: join(root, "docs", "images", name), fullPage: true })
}

try {
  await signedIn("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1")
  await signedIn("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0")
  const page = await signedIn(undefined)
  for (const item of ["tea", "a book"]) {
    await page.fill("input[name=item]", item)
    await page.click("text=Add")
  }
  await page.click("text=Send 50 visits at once")
  await page.waitForSelector("text=50 of 50 counted")
  await page.waitForSelector("text=Saved × 5")
  await picture(page, "demo.png")
  await page.click("text=Your devices")
  await page.setViewportSize({ width: 540, height: 495 })
  await picture(page, "devices.png")
} finally {
  await browser.close()
  demo.kill()
  await once(demo, "exit")
}
