/**
 * For tests of sessions that clients hold: keys, and what a browser does with cookies.
 */
import { randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SessionProvider } from "effect-session"
import type { Server } from "./http.js"

export const key = () => Redacted.make(randomBytes(32).toString("base64url"))

/**
 * The conformance suite names its sessions itself, as a server does. This puts a browser before the provider, which keeps for each
 * name what it was given last. One that replays also keeps it when the session was ended, as an attacker would. What is a cookie
 * already, from the suite's requests, goes through.
 */
export const browser = (values: Map<string, string>, inner: SessionProvider.Provider, replays: boolean) => {
  const cookie = (id: string) => (id.includes("=") ? id : `jar=${values.get(id) ?? id}`) as SessionProvider.StoredId
  const fresh = (id: SessionProvider.StoredId) => (id.includes("=") ? id : (`jar=${id}` as typeof id))
  const keep =
    (id: string) =>
    <A extends { readonly _tag: string }>(result: A): A => {
      if ("id" in result) {
        values.set(id, String(result.id))
      }
      return result
    }
  const forget = (id: string) => {
    if (!replays) {
      values.delete(id)
    }
  }
  const provider: SessionProvider.Provider = {
    ...inner,
    // What it counts are revocations, not the suite's sessions.
    gc: undefined,
    read: (id) => inner.read(cookie(id)),
    create: (id, payload, ttl) => Effect.map(inner.create(fresh(id), payload, ttl), keep(id)),
    write: (id, payload, ttl, revision) => Effect.map(inner.write(cookie(id), payload, ttl, revision), keep(id)),
    touch: (id, ttl) => Effect.map(inner.touch(cookie(id), ttl), keep(id)),
    exists: (id) => inner.exists(cookie(id)),
    destroy: (id) => Effect.map(inner.destroy(cookie(id)), () => forget(id)),
    regenerate: (oldId, newId, payload, ttl, revision) =>
      Effect.map(inner.regenerate(cookie(oldId), fresh(newId), payload, ttl, revision), (result) => {
        if (result._tag === "Written") {
          forget(oldId)
        }
        return keep(newId)(result)
      })
  }
  return provider
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly setCookie: ReadonlyArray<string>
}

/** Sends a request with a Cookie header; each Set-Cookie line of the answer by itself. */
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

/** A browser's cookies, kept as RFC 6265 says, as far as these tests need it. */
export const jar = () => {
  const cookies = new Map<string, string>()
  return {
    cookies,
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
    keep: ({ setCookie }: Pick<Answer, "setCookie">) => {
      for (const line of setCookie) {
        const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)!
        if (/; Max-Age=0(;|$)/.test(line)) {
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
    Effect.tap(request(server, path, header()), (answer) => keep(answer))
  return { cookies, header, get }
}
