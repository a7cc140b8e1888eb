/**
 * Helpers for tests of sessions that clients hold: keys, and a browser's handling of cookies.
 */
import { randomBytes } from "node:crypto"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import type { Keeper } from "../../src/Manager/Keeper.js"
import { keptByClient } from "../../src/Manager/keptByClient.js"
import type { Lifetimes, Sealing } from "../../src/Provider/cookie/SealedSessions.js"
import type { Server } from "./http.js"

export const key = () => Redacted.make(randomBytes(32).toString("base64url"))

const lifetimes = {
  idleTimeout: Duration.hours(1),
  absoluteTimeout: Duration.infinity,
  remember: { idleTimeout: Duration.hours(1), absoluteTimeout: Duration.hours(1) }
}

/** Makes a keeper of sessions in cookies, like the manager's. */
export const keeperOf = (sealing: Sealing, configured: Lifetimes = lifetimes, cookieName = "sid"): Keeper =>
  keptByClient(sealing, cookieName, configured, (...given: ReadonlyArray<unknown>) =>
    given.length === 0 ? randomBytes(32).toString("base64url") : "given something"
  )

export interface Answer {
  readonly status: number
  readonly body: string
  readonly setCookie: ReadonlyArray<string>
}

/** Sends a request with a Cookie header, and returns each Set-Cookie line of the response by itself. */
export const request = (
  server: Pick<Server, "url">,
  path: string,
  cookie: string,
  method: "GET" | "POST" = "GET"
): Effect.Effect<Answer> =>
  Effect.promise(async () => {
    const response = await fetch(server.url + path, { method, headers: cookie === "" ? {} : { cookie } })
    return { status: response.status, body: await response.text(), setCookie: response.headers.getSetCookie() }
  })

/** A browser's cookies, kept according to RFC 6265 as far as these tests need it. */
export const jar = () => {
  const cookies = new Map<string, string>()
  return {
    cookies,
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
    keep: ({ setCookie }: Pick<Answer, "setCookie">) => {
      for (const line of setCookie) {
        const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)!
        const expires = /; Expires=([^;]+)/i.exec(line)?.[1]
        if (/; Max-Age=0(;|$)/.test(line) || (expires !== undefined && Date.parse(expires) <= Date.now())) {
          cookies.delete(name!)
        } else {
          cookies.set(name!, value!)
        }
      }
    }
  }
}

/** A visitor whose browser keeps cookies. */
export const visitor = (server: Server) => {
  const { cookies, header, keep } = jar()
  const get = (path: string): Effect.Effect<Answer> =>
    Effect.tap(request(server, path, header()), (answer) => Effect.sync(() => keep(answer)))
  return { cookies, header, get, keep }
}
