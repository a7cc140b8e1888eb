/**
 * Bound sessions with each mount.
 */
import { SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import { describe, expect, it } from "#test/vitest"
import { makeBrowser } from "../support/dbsc.js"
import { AppSession } from "../support/http.js"
import { basics, mounts } from "../support/mounts.js"

const handlers = {
  ...basics,
  in: Effect.flatMap(AppSession, (session) => Effect.as(session.signIn("ada"), "in")),
  who: Effect.flatMap(AppSession, (session) => Effect.map(session.principal, ({ _tag }) => _tag))
}

const options = { deviceBound: { every: "10 minutes", path: "/device" } } as const

for (const [name, mounted] of Object.entries(mounts)) {
  describe(name, () => {
    it.effect("a session is bound, proved and needs the proof", () =>
      Effect.gen(function* () {
        const reach = yield* mounted(handlers, undefined, { options, around: SessionHttp.deviceBound })
        const browser = makeBrowser(
          (cookie) =>
            (path, { headers = {}, method = "GET" } = {}) =>
              reach(path, { ...headers, ...(cookie === undefined ? {} : { cookie }) }, method)
        )
        yield* browser.ask("/in")
        expect(browser.offered?.path).toBe("/device")
        const registered = yield* browser.register()
        expect([registered.status, browser.known?.refresh_url]).toEqual([200, "/device/refresh"])
        expect((yield* browser.ask("/who")).body).toContain("Some")
        browser.forget()
        expect((yield* browser.ask("/who")).body).toContain("None")
        const counted = yield* browser.ask("/count")
        expect([counted.status, counted.setCookie]).toEqual([401, []])
        expect((yield* browser.refresh()).status).toBe(200)
        expect((yield* browser.ask("/who")).body).toContain("Some")
        // What is not below the path is the app's.
        expect((yield* browser.ask("/devices", { method: "POST" })).status).toBe(404)
      })
    )
  })
}
