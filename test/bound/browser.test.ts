/**
 * Bound sessions in Chromium, on three backends side by side.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { SessionManager } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Redis from "effect-session/redis"
import * as Sqlite from "effect-session/sqlite"
import type { BrowserContext, Page } from "playwright-core"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as HttpServer from "#effect/http/HttpServer"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Scope from "#effect/Scope"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { expect, it } from "#test/vitest"
import type { ProviderLayer } from "../identity/backends.js"
import { suite } from "../servers/need.js"
import { freePorts } from "../servers/Process.js"
import * as RedisServer from "../servers/Redis.js"
import { boundName } from "../support/dbsc.js"
import { browserWith, type Certificate, certificate, watched } from "../support/dbscBrowser.js"
import { served } from "./app.js"

const every = 20_000

/** The requests of browsers that a server has got, and what it answered. */
interface Site {
  readonly url: string
  readonly log: Array<string>
  /** Whether proofs are refused, as by a proxy whose server is away. */
  isDown: boolean
  readonly restart: () => Promise<void>
}

/** A server over https at a host of its own, over a backend that outlives it. */
const siteOn = (name: string, provider: ProviderLayer, { cert, key }: Certificate) =>
  Effect.gen(function* () {
    const [port] = yield* Effect.promise(() => freePorts(1))
    const log: Array<string> = []
    const app = Effect.flatMap(HttpServerRequest, ({ headers, method, url }) => {
      if (url === "/link") {
        return Effect.succeed(
          HttpServerResponse.text(
            `<a id="look" href="${site.url}/look">in</a><a id="in" href="${site.url}/in?user=ada">sign in</a>`,
            { contentType: "text/html" }
          )
        )
      }
      const answered = site.isDown && method === "POST" ? HttpServerResponse.empty({ status: 502 }) : undefined
      return Effect.map(answered === undefined ? served : Effect.succeed(answered), (response) => {
        const { "secure-session-skipped": skipped = "", "secure-session-response": proof } = headers
        log.push(`${method} ${url} ${proof === undefined ? "" : "proof "}${skipped}-> ${response.status}`)
        return response
      })
    })
    let running: { readonly scope: Scope.Scope; readonly server: ReturnType<typeof createServer> } | undefined
    const stop = async () => {
      running?.server.closeAllConnections()
      if (running !== undefined) await Effect.runPromise(Scope.close(running.scope as never, Exit.void))
    }
    const start = async () => {
      const server = createServer({ key, cert })
      const scope = await Effect.runPromise(Scope.make())
      running = { scope, server }
      const layer = HttpServer.serve(app).pipe(
        Layer.provide(NodeHttpServer.layer(() => server as never, { port: port!, host: "127.0.0.1" })),
        Layer.provide(SessionManager.layer({ deviceBound: { every } }).pipe(Layer.provide(provider))),
        Layer.fresh
      )
      await Effect.runPromise(Layer.buildWithScope(layer as Layer.Layer<never>, scope))
    }
    const restart = async () => {
      await stop()
      await start()
    }
    const site: Site = { url: `https://app.${name}.test:${port}`, log, isDown: false, restart }
    yield* Effect.acquireRelease(Effect.promise(start), () => Effect.promise(stop))
    return site
  })

const shown = async (page: Page, url: string) => {
  await page.goto(url)
  return page.textContent("body")
}

/** Follows a link on another site. */
const follow = async (page: Page, { url }: Site, link: "look" | "in") => {
  await page.goto(`https://www.links.test:${new URL(url).port}/link`)
  await page.click(`#${link}`)
}

const says = (page: Page, text: string) =>
  page.waitForFunction((text) => document.body?.textContent === text, text, { timeout: 10_000 })

const endCookie = (context: BrowserContext, { url }: Site) =>
  context.clearCookies({ name: boundName, domain: new URL(url).hostname })

/** What a person sees who signs in, and whose cookies are stolen. */
const story = async (
  site: Site,
  browser: BrowserContext,
  thief: BrowserContext,
  keeps: boolean,
  comesFromElsewhere: boolean
) => {
  const page = await browser.newPage()
  const said = await watched(page)
  try {
    const { url } = site
    // On the way from another site, as from one that says who the person is, or by an address.
    if (comesFromElsewhere) await follow(page, site, "in")
    else await page.goto(`${url}/in?user=ada`)
    await says(page, "ada 0")
    const signedInAt = Date.now()
    for (let i = 0; i < 50 && (await shown(page, `${url}/list?user=ada`)) !== "[true]"; i++) await sleep(100)
    expect(await shown(page, `${url}/list?user=ada`)).toBe("[true]")

    // The cookies of the browser in another profile, to be kept for ever.
    const stolen = (await browser.cookies(url)).map((cookie) => ({ ...cookie, expires: -1 }))
    expect(stolen.map(({ name }) => name).sort()).toEqual(["__Host-id", boundName])
    await thief.addCookies(stolen)
    const other = await thief.newPage()
    expect(await shown(other, `${url}/count`)).toBe("ada 1")

    // After the end of the cookie: a link on another site leads the person in, and the thief out.
    await sleep(Math.max(0, signedInAt + every + 4_000 - Date.now()))
    await follow(page, site, "look")
    await says(page, "ada 1")
    expect(await shown(other, `${url}/look`)).toBe("nobody 0")
    // The browser shows a page of its own for an empty 401, which counts as a failure here.
    await other.goto(`${url}/count`).catch(() => {})
    expect(site.log).toContain("GET /count -> 401")

    // A server that has been started anew knows the key; two tabs at once.
    if (keeps) await site.restart()
    await endCookie(browser, site)
    const tab = await browser.newPage()
    expect(await Promise.all([shown(page, `${url}/look`), shown(tab, `${url}/look`)])).toEqual(["ada 1", "ada 1"])
    const provedAt = Date.now()

    // Where proofs cannot be renewed, the browser says so, and goes on for a while.
    site.isDown = true
    await sleep(Math.max(0, provedAt + every + 500 - Date.now()))
    expect(await shown(page, `${url}/count`)).toBe("ada 2")
    expect(
      site.log.filter((line) => /^GET \/count server_error;session_identifier="[\w-]{22}"-> 200$/.test(line))
    ).toHaveLength(1)
    site.isDown = false
    const isProved = (line: string) => line === "POST /.well-known/session/refresh proof -> 200"
    const before = site.log.filter(isProved).length
    for (let i = 0; i < 50 && site.log.filter(isProved).length === before; i++) {
      expect(await shown(page, `${url}/look`)).toBe("ada 2")
      await sleep(200)
    }
    expect(site.log.filter(isProved).length).toBeGreaterThan(before)

    // Signing out ends both.
    await page.goto(`${url}/out`)
    expect(await browser.cookies(url)).toEqual([])
    expect(await shown(page, `${url}/look`)).toBe("nobody 0")
    const asked = site.log.length
    expect(await shown(page, `${url}/look`)).toBe("nobody 0")
    expect(site.log.slice(asked)).toEqual(["GET /look -> 200"])
  } catch (error) {
    throw new Error(`${error}\n${site.log.join("\n")}\n${said.join("\n")}`)
  }
}

suite("Chromium", ["chromium", "openssl", "redis-server"], () => {
  it.live(
    "a session is the device's: a copy of its cookies ends with the bound one",
    () =>
      Effect.gen(function* () {
        const made = yield* certificate
        const { url } = yield* RedisServer.single()
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-bound-"))),
          (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
        )
        const sites = yield* Effect.all([
          siteOn("memory", Memory.layer(), made),
          siteOn("redis", Redis.layer({ url }), made),
          siteOn("sqlite", Sqlite.layer({ filename: join(folder, "sessions.sqlite") }), made)
        ])
        const browser = yield* browserWith(made, { binds: true })
        const thief = yield* browserWith(made, { binds: false })
        yield* Effect.promise(() => Promise.all(sites.map((site, i) => story(site, browser, thief, i > 0, i < 2))))
      }),
    180_000
  )
})
