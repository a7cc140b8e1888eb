// Makes docs/images/site.png, the README's picture of the site: `npm run docs && node site/picture.mjs`.
import { fileURLToPath } from "node:url"
import { chromium } from "playwright-core"
import { serve } from "vitepress"
import { findProgram } from "../scripts/programs.mjs"

const port = 4174
await serve({ root: fileURLToPath(new URL(".", import.meta.url)), port })
const browser = await chromium.launch({ executablePath: findProgram("chromium"), args: ["--no-sandbox"] })
const page = await browser.newPage({ viewport: { width: 1280, height: 720 } })
await page.goto(`http://localhost:${port}/`, { waitUntil: "networkidle" })
await page.screenshot({ path: fileURLToPath(new URL("../docs/images/site.png", import.meta.url)) })
await browser.close()
process.exit()
