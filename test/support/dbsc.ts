/**
 * A small browser with Device Bound Session Credentials: it keeps cookies, has a key of its own, and does what the draft
 * says, when a test tells it to.
 */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto"
import * as Effect from "#effect/Effect"
import { jar } from "./cookies.js"
import { bytesOf, exchange } from "./raw.js"

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly setCookie: ReadonlyArray<string>
}

export type Algorithm = "ES256" | "RS256"

export const makeKeys = (algorithm: Algorithm) =>
  algorithm === "ES256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 })

const encoded = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString("base64url")

/** A JSON Web Token with these parts, signed with a private key. */
export const jwt = (header: object, payload: object, key: KeyObject): string => {
  const text = `${encoded(header)}.${encoded(payload)}`
  const options = key.asymmetricKeyType === "ec" ? { key, dsaEncoding: "ieee-p1363" as const } : key
  return `${text}.${sign("sha256", Buffer.from(text), options).toString("base64url")}`
}

export type Ask = (
  path: string,
  options?: { readonly method?: "GET" | "POST"; readonly headers?: Readonly<Record<string, string>> }
) => Effect.Effect<Answer>

/** Sends requests with exactly these headers to the server at this address. */
export const sendingTo =
  (url: string) =>
  (cookie: string | undefined): Ask =>
  (path, { headers = {}, method = "GET" } = {}) =>
    exchange(
      url,
      bytesOf(method, path, {
        host: new URL(url).host,
        connection: "close",
        ...(method === "POST" ? { "content-length": "0" } : {}),
        ...headers,
        ...(cookie === undefined ? {} : { cookie })
      })
    )

/** What the browser knows of its bound session. */
interface Known {
  readonly session_identifier: string
  readonly refresh_url: string
  readonly scope: { readonly origin?: string; readonly include_site: boolean }
  readonly credentials: ReadonlyArray<{ readonly name: string; readonly attributes: string }>
}

/** `send` sends a request with these cookies. */
export const makeBrowser = (send: (cookie: string | undefined) => Ask, algorithm: Algorithm = "ES256") => {
  const { cookies, header, keep } = jar()
  const keys = makeKeys(algorithm)
  const browser = {
    cookies,
    keys,
    /** What the last response with a registration header offered. */
    offered: undefined as { readonly path: string; readonly challenge: string; readonly text: string } | undefined,
    /** The challenge that the server gave last. */
    challenge: undefined as string | undefined,
    known: undefined as Known | undefined,

    /** Sends a request with the browser's cookies, and keeps what the response says. */
    ask: ((path, options) =>
      Effect.map(send(cookies.size === 0 ? undefined : header())(path, options), (answer) => {
        keep(answer)
        const text = answer.headers["secure-session-registration"]
        if (text !== undefined) {
          const [, path = "", challenge = ""] = /;path="([^"]*)";challenge="([^"]*)"$/.exec(text) ?? []
          browser.offered = { path, challenge, text }
        }
        const given = answer.headers["secure-session-challenge"]
        if (given !== undefined) {
          browser.challenge = /^"([^"]*)"/.exec(given)?.[1]
        }
        return answer
      })) as Ask,

    /** The proof that a browser sends. */
    proof: (
      challenge: string,
      withKey = false,
      { header = {}, key = keys.privateKey, payload = {} }: { header?: object; payload?: object; key?: KeyObject } = {}
    ): string =>
      jwt(
        {
          alg: algorithm,
          typ: "dbsc+jwt",
          ...(withKey ? { jwk: keys.publicKey.export({ format: "jwk" }) } : {}),
          ...header
        },
        { jti: challenge, ...payload },
        key
      ),

    /** Binds the session, as after a response with the registration header. */
    register: (proof?: string): Effect.Effect<Answer> =>
      Effect.map(
        browser.ask(browser.offered?.path ?? "/.well-known/session", {
          method: "POST",
          headers: { "secure-session-response": proof ?? browser.proof(browser.offered?.challenge ?? "", true) }
        }),
        (answer) => {
          if (answer.status === 200) {
            browser.known = JSON.parse(answer.body)
          }
          return answer
        }
      ),

    /** One request to renew the proof: without one, if there is none. */
    renew: (proof?: string): Effect.Effect<Answer> =>
      browser.ask(browser.known?.refresh_url ?? "/.well-known/session/refresh", {
        method: "POST",
        headers: {
          "sec-secure-session-id": browser.known?.session_identifier ?? "none",
          ...(proof === undefined ? {} : { "secure-session-response": proof })
        }
      }),

    /** Renews the proof: asks for a challenge first, as a browser that has none. */
    refresh: (): Effect.Effect<Answer> =>
      Effect.flatMap(browser.renew(), (asked) =>
        asked.status === 403 && asked.headers["secure-session-challenge"] !== undefined
          ? Effect.suspend(() => browser.renew(browser.proof(browser.challenge!)))
          : Effect.succeed(asked)
      ),

    /** Drops the bound cookie, as at its end. */
    forget: (): void => {
      cookies.delete(boundName)
    },

    /** Another browser that has got hold of this one's cookies. */
    stolen: () => {
      const thief = makeBrowser(send, algorithm)
      for (const [name, value] of cookies) thief.cookies.set(name, value)
      return thief
    }
  }
  return browser
}

export const boundName = "__Host-id-bound"
