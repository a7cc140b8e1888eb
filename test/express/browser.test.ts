/**
 * An app on express and one of ours behind one proxy, in a real browser: what a person does on one is known on the other.
 */
import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import type { Page } from "playwright-core"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { suite } from "../servers/need.js"
import { browser } from "../support/browser.js"
import { onExpress, serveOurs } from "./interopApps.js"
import { redis } from "./interopBackends.js"

const acts = ["login?username=ada&password=secret", "visits", "destroy"]

/** A page with a button for each thing that can be done on either app. */
const page = ["old", "new"]
  .flatMap((app) =>
    acts.map((act) => `<form method="post" action="/${app}/${act}"><button>${app} ${act}</button></form>`)
  )
  .join("")

/** What stands in front of both apps while routes move from one to the other: each has its part of the paths. */
const proxy = (apps: Readonly<Record<string, string>>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const server = createServer((incoming, outgoing) => {
          const [, app = "", path = ""] = /^\/(\w+)(\/.*)$/.exec(incoming.url ?? "") ?? []
          const target = apps[app]
          if (target === undefined) {
            outgoing.writeHead(200, { "content-type": "text/html" }).end(page)
            return
          }
          const { headers, method } = incoming
          const passed = request(new URL(path, target), { method: method!, headers }, (answer) => {
            outgoing.writeHead(answer.statusCode!, answer.headers)
            answer.pipe(outgoing)
          })
          passed.once("error", () => outgoing.destroy())
          incoming.pipe(passed)
        })
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
        return server
      }),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => `http://localhost:${(server.address() as AddressInfo).port}`
  )

const shown = (page: Page) => page.textContent("body")

suite("express behind one proxy with us, in Chromium", ["redis-server", "chromium"], () => {
  const opened = browser()

  it.live("a person who signs in on one is known on the other, and is out of both after signing out on one", () =>
    Effect.gen(function* () {
      const { provider, store } = yield* redis.start
      const home = yield* proxy({
        old: yield* onExpress.serve(store(), {}),
        new: yield* serveOurs(onExpress, provider, {})
      })
      const context = yield* opened
      yield* Effect.promise(async () => {
        const page = await context.newPage()
        page.setDefaultTimeout(20_000)
        const act = async (app: string, act: string) => {
          await page.goto(home)
          const answered = page.waitForResponse((response) => response.request().method() === "POST")
          await page.getByRole("button", { name: `${app} ${act}` }).click()
          await answered
          await page.waitForURL(`${home}/${app}/${act}*`)
          return shown(page)
        }
        const user = async (app: string) => {
          await page.goto(`${home}/${app}/me`)
          return shown(page)
        }
        for (const [first, other] of [
          ["old", "new"],
          ["new", "old"]
        ] as const) {
          expect(await user(first)).toBe("anonymous")
          await act(first, acts[0]!)
          expect([await user(first), await user(other)]).toEqual(["ada", "ada"])
          expect([await act(first, "visits"), await act(other, "visits"), await act(first, "visits")]).toEqual([
            "1",
            "2",
            "3"
          ])
          await act(other, "destroy")
          expect([await user(first), await user(other)]).toEqual(["anonymous", "anonymous"])
        }
      })
    }).pipe(Effect.scoped)
  )
})
