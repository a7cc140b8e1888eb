// The apps that share sessions in the tests, each with the other one here, and a browser that goes to both.
import { createHmac } from "node:crypto"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { it } from "#test/vitest"
import { shared } from "../provider/shared.js"
import { type Answer, jar, request } from "../support/cookies.js"
import {
  type Framework,
  type Options,
  type OwnOptions,
  onExpress,
  onFastify,
  secrets,
  serveOurs
} from "./interopApps.js"
import { type Backend, mysql, postgres, redis, type Stored } from "./interopBackends.js"
import { storeOn } from "./storeBackends.js"

/** Where both apps are. */
export interface Apps {
  readonly theirs: string
  readonly ours: string
}

/** Each with the other one. */
export const sides = [
  ["theirs", "ours"],
  ["ours", "theirs"]
] as const

const method = (path: string): "GET" | "POST" => (/^\/(me|values)$/.test(path) ? "GET" : "POST")

/** What a request with this Cookie header is answered. */
export const withCookie = (url: string, path: string, cookie: string): Effect.Effect<Answer> =>
  request({ url }, path, cookie, method(path))

const post = (url: string, cookie: string, values: unknown): Effect.Effect<Answer> =>
  Effect.promise(async () => {
    const headers = { "content-type": "application/json", ...(cookie === "" ? {} : { cookie }) }
    const response = await fetch(`${url}/values`, { method: "POST", headers, body: JSON.stringify(values) })
    return { status: response.status, body: await response.text(), setCookie: response.headers.getSetCookie() }
  })

/** A browser on a host where both apps are. */
export const browser = (apps: Apps) => {
  const { header, keep } = jar()
  const keeping = Effect.map((answer: Answer) => {
    keep(answer)
    return answer
  })
  const ask = (url: string) => (path: string) => keeping(withCookie(url, path, header()))
  const tell = (url: string) => (path: string) => Effect.map(ask(url)(path), ({ body }) => body)
  const put = (url: string) => (values: object) =>
    Effect.map(keeping(Effect.suspend(() => post(url, header(), values))), ({ body }) => JSON.parse(body))
  return {
    theirs: tell(apps.theirs),
    ours: tell(apps.ours),
    ask: { theirs: ask(apps.theirs), ours: ask(apps.ours) },
    put: { theirs: put(apps.theirs), ours: put(apps.ours) },
    cookie: header
  }
}

export const sign = (id: string, secret: string): string =>
  `${id}.${createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "")}`

/** The id in a Cookie header with one cookie. */
export const idIn = (cookie: string): string => {
  const value = decodeURIComponent(cookie.slice(cookie.indexOf("=") + 1))
  return value.slice(value.startsWith("s:") ? 2 : 0, value.lastIndexOf("."))
}

/** The attributes of a Set-Cookie line that say how long the browser keeps the cookie, in milliseconds. */
export const lifetimeIn = (line: string): number | undefined => {
  const seconds = /; Max-Age=(\d+)/i.exec(line)?.[1]
  const expires = /; Expires=([^;]+)/i.exec(line)?.[1]
  return seconds !== undefined
    ? Number(seconds) * 1000
    : expires === undefined
      ? undefined
      : Date.parse(expires) - Date.now()
}

/** One of the other apps on one of the backends. */
export interface Pair {
  readonly framework: Framework
  /** Both apps, as they are by themselves. */
  readonly apps: Effect.Effect<Apps>
  /** Both apps, each asked for what it is to do otherwise. */
  readonly start: (theirs?: Options, ours?: OwnOptions) => Effect.Effect<Apps, never, Scope.Scope>
  /** The other app twice: on its own store, and on this library's, in the same place. */
  readonly onStores: Effect.Effect<Apps, never, Scope.Scope>
  /** What the backend has of the session of a Cookie header. */
  readonly stored: (cookie: string) => Effect.Effect<Stored | undefined>
  /** A Cookie header with an id that a secret has signed. */
  readonly signed: (id: string, secret?: string) => string
}

/** The pair, whose backend and apps are started before the first test of a suite. */
export const paired = (framework: Framework, { start: backend }: Backend): Pair => {
  const { cookieName, serve, valuePrefix } = framework
  const place = shared(backend)
  const start: Pair["start"] = (theirs = {}, ours = {}) =>
    Effect.flatMap(place, ({ provider, store }) =>
      Effect.all({ theirs: serve(store(), theirs), ours: serveOurs(framework, provider, ours) })
    )
  return {
    framework,
    apps: shared(Effect.suspend(() => start())),
    start,
    onStores: Effect.flatMap(place, ({ provider, store }) =>
      Effect.flatMap(storeOn(provider, { hashed: false }), (own) =>
        Effect.all({ theirs: serve(store(), {}), ours: serve(own, {}) })
      )
    ),
    stored: (cookie) => Effect.flatMap(place, ({ stored }) => Effect.promise(() => stored(idIn(cookie)))),
    signed: (id, secret = secrets[0]) => `${cookieName}=${encodeURIComponent(valuePrefix + sign(id, secret))}`
  }
}

export const pairs: ReadonlyArray<readonly [Framework, Backend]> = [
  [onExpress, redis],
  [onFastify, redis],
  [onExpress, postgres],
  [onExpress, mysql]
]

export const live = (name: string, test: Effect.Effect<void, never, Scope.Scope>): void => it.live(name, () => test)

export const minute = 60_000
export const day = 24 * 60 * minute
