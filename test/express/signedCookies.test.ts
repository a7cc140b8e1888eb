// The signed cookie of express-session and @fastify/session, with this library alone on both sides.
import { createHmac } from "node:crypto"
import { SessionHttp, SessionProvider } from "effect-session"
import * as Express from "effect-session/express"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import * as HttpRouter from "#test/HttpRouter"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { AppSession, client, managerLayer, type Probe, probe } from "../support/http.js"

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/count",
    Effect.map(
      Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1)),
      (visits) => HttpServerResponse.text(`${visits}`)
    )
  ),
  HttpRouter.get(
    "/visits",
    Effect.map(
      Effect.flatMap(AppSession, (session) => session.get("visits")),
      (visits) => HttpServerResponse.text(`${visits}`)
    )
  ),
  HttpRouter.get(
    "/logout",
    Effect.as(
      Effect.flatMap(AppSession, (session) => session.destroy),
      HttpServerResponse.empty()
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const redacted = (secrets: ReadonlyArray<string>) => secrets.map((secret) => Redacted.make(secret))

type Options = Partial<Express.Options>

const sessions = (
  secrets: ReadonlyArray<string>,
  { cookie, ...options }: Options,
  provider: SessionProvider.Provider
) =>
  Express.layer(Layer.succeed(SessionProvider.SessionProvider, provider), {
    secrets: redacted(secrets),
    cookie: { secure: false, ...(cookie as object) },
    gcInterval: "3650 days",
    ...options
  })

/** Serves the app with these secrets, on a backend that others may share. */
const serve = (secrets: ReadonlyArray<string>, options: Options = {}, { calls, provider }: Probe = probe()) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.provideMerge(
        HttpServer.serve(app),
        Layer.merge(NodeHttpServer.layerTest, sessions(secrets, options, provider))
      )
    )
    return { ...(yield* client(context)), calls }
  })

const macOf = (id: string, secret: string) => createHmac("sha256", secret).update(id).digest("base64")

const sign = (id: string, secret: string) => `${id}.${macOf(id, secret).replace(/=+$/, "")}`

/** The value of a Cookie header with one cookie. */
const valueIn = (cookie: string) => decodeURIComponent(cookie.slice(cookie.indexOf("=") + 1))

const idIn = (cookie: string) => /^s:(.*)\./.exec(valueIn(cookie))![1]!

it.live("the id is signed as express signs it, percent-encoded, and is found without that too", () =>
  Effect.gen(function* () {
    const server = yield* serve(["keyboard cat"])
    const cookie = (yield* server.send("/count")).cookie!
    const id = idIn(cookie)
    expect(id).toMatch(/^[\w-]{32}$/)
    expect(cookie).toBe(`connect.sid=${encodeURIComponent(`s:${sign(id, "keyboard cat")}`)}`)
    expect((yield* server.as(cookie)("/count")).body).toBe("2")
    expect((yield* server.as(`connect.sid=s:${sign(id, "keyboard cat")}`)("/count")).body).toBe("3")
    // As the package cookie-signature signs it.
    expect(sign("hello", "tobiiscool")).toBe("hello.DGDUkGlIkCzPz+C0B064FNgHdEjox7ch8tOBGslZ5QI")
  })
)

it.live("the first secret signs, and all are accepted", () =>
  Effect.gen(function* () {
    const backend = probe()
    const before = yield* serve(["old"], {}, backend)
    const during = yield* serve(["new", "old"], {}, backend)
    const after = yield* serve(["new"], {}, backend)
    const old = (yield* before.send("/count")).cookie!
    expect((yield* during.as(old)("/count")).body).toBe("2")
    expect((yield* after.as(old)("/visits")).body).toBe("0")
    const young = (yield* during.send("/count")).cookie!
    expect(valueIn(young)).toBe(`s:${sign(idIn(young), "new")}`)
    expect((yield* after.as(young)("/count")).body).toBe("2")
    expect((yield* before.as(young)("/visits")).body).toBe("0")
  })
)

it.live("what none of the secrets has signed is no session's, and the backend is not asked for it", () =>
  Effect.gen(function* () {
    const server = yield* serve(["one", "other"])
    const id = idIn((yield* server.send("/count")).cookie!)
    const good = sign(id, "one")
    const mac = macOf(id, "one")
    const changed = (text: string, at: number) =>
      text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1)
    const long = "a".repeat(5000)
    const values: Record<string, string> = {
      "another id": changed(`s:${good}`, 2),
      "another signature, in front": changed(`s:${good}`, 2 + id.length + 1),
      "another signature, at its end": changed(`s:${good}`, 2 + good.length - 1),
      "a signature with its padding": `s:${id}.${mac}`,
      "a signature in base64url": `s:${id}.${Buffer.from(mac, "base64").toString("base64url")}_`,
      "a signature in hexadecimal": `s:${id}.${Buffer.from(mac, "base64").toString("hex")}`,
      "half a signature": `s:${good.slice(0, -20)}`,
      "an empty signature": `s:${id}.`,
      "no signature": `s:${id}`,
      "the id": id,
      "no prefix": good,
      "another prefix": `j:${good}`,
      "the prefix twice": `s:s:${good}`,
      "the signature of another secret": `s:${sign(id, "another")}`,
      "the signature of an empty secret": `s:${sign(id, "")}`,
      "an empty id": `s:${sign("", "one")}`,
      "an id with a space": `s:${sign(`${id} `, "one")}`,
      "an id with a line's end": `s:${sign(`${id}\r\n`, "one")}`,
      "an id of letters that are not ASCII": `s:${sign("Jméno", "one")}`,
      "an id of 256 characters": `s:${sign("a".repeat(256), "one")}`,
      "a value that is too long": `s:${sign(long, "one")}`,
      "a prefix alone": "s:",
      "a dot": "s:."
    }
    server.calls.length = 0
    for (const [what, value] of Object.entries(values)) {
      const { body } = yield* server.as(`connect.sid=${encodeURIComponent(value)}`)("/visits")
      expect([what, body, server.calls]).toEqual([what, "0", []])
    }
    for (const raw of [`s%3A${good}%`, `s%3A${good}%zz`, `s%3A${good}%ff`, `s%253A${good}`]) {
      expect([raw, (yield* server.as(`connect.sid=${raw}`)("/visits")).body, server.calls]).toEqual([raw, "0", []])
    }
    expect((yield* server.as(`connect.sid=s:${good}`)("/visits")).body).toBe("1")
    // A new session is another one.
    const { body, cookie } = yield* server.as(`connect.sid=s:${sign(id, "another")}`)("/count")
    expect(body).toBe("1")
    expect(idIn(cookie!)).not.toBe(id)
  })
)

it.live("an id that an app has made as it likes is good, if it is signed", () =>
  Effect.gen(function* () {
    const server = yield* serve(["one"])
    for (const id of ["6f1e3c1a-9d57-4d8e-8b1c-0f2f6f1e3c1a", 'a.b:c/d+e=%41~{}"', "x", "a".repeat(255)]) {
      server.calls.length = 0
      yield* server.as(`connect.sid=${encodeURIComponent(`s:${sign(id, "one")}`)}`)("/visits")
      expect([id, server.calls]).toEqual([id, ["read"]])
    }
  })
)

it.live("of two cookies with the name, the one that is signed counts, wherever it is", () =>
  Effect.gen(function* () {
    const server = yield* serve(["one"])
    const good = (yield* server.send("/count")).cookie!
    const forged = `connect.sid=${encodeURIComponent(`s:${sign(idIn(good), "another")}`)}`
    const unknown = `connect.sid=${encodeURIComponent(`s:${sign("no-such-session", "one")}`)}`
    for (const bad of [forged, unknown, "connect.sid=", "connect.sid=x"]) {
      expect((yield* server.as(`${bad}; ${good}`)("/visits")).body).toBe("1")
      expect((yield* server.as(`${good}; ${bad}`)("/visits")).body).toBe("1")
    }
    expect((yield* server.as(`${forged}; connect.sid=x`)("/visits")).body).toBe("0")
  })
)

it.live("a sign-out removes the cookie, and only with a good signature it ends the session", () =>
  Effect.gen(function* () {
    const server = yield* serve(["one"])
    const cookie = (yield* server.send("/count")).cookie!
    yield* server.as(`connect.sid=s:${sign(idIn(cookie), "another")}`)("/logout")
    expect((yield* server.as(cookie)("/visits")).body).toBe("1")
    const { setCookie } = yield* server.as(cookie)("/logout")
    expect(setCookie).toHaveLength(1)
    expect(setCookie[0]).toMatch(/^connect\.sid=; Max-Age=0;/)
    expect((yield* server.as(cookie)("/visits")).body).toBe("0")
  })
)

it.live("with hashed ids the backend knows no id, and the cookie is the same", () =>
  Effect.gen(function* () {
    const backend = probe()
    const seen: Array<string> = []
    const { create, ...rest } = backend.provider
    const provider: SessionProvider.Provider = {
      ...rest,
      create: (id, ...given) => {
        seen.push(id)
        return create(id, ...given)
      }
    }
    const server = yield* serve(["one"], { id: { hashed: true } }, { ...backend, provider })
    seen.length = 0
    const cookie = (yield* server.send("/count")).cookie!
    expect(idIn(cookie)).toMatch(/^[\w-]{32}$/)
    expect((yield* server.as(cookie)("/count")).body).toBe("2")
    expect(seen).toHaveLength(1)
    expect(seen[0]).not.toContain(idIn(cookie))
    expect((yield* server.as(`connect.sid=s:${sign(seen[0]!, "one")}`)("/visits")).body).toBe("0")
  })
)

it.live("a prefix may be none, as for fastify, or another one", () =>
  Effect.gen(function* () {
    for (const valuePrefix of ["", "sess:"]) {
      const server = yield* serve(["one"], { cookie: { name: "sessionId", valuePrefix, secure: false } })
      const cookie = (yield* server.send("/count")).cookie!
      const value = valueIn(cookie)
      expect(value.startsWith(valuePrefix)).toBe(true)
      const id = value.slice(valuePrefix.length, value.lastIndexOf("."))
      expect(value).toBe(valuePrefix + sign(id, "one"))
      expect((yield* server.as(cookie)("/count")).body).toBe("2")
      expect((yield* server.as(`sessionId=s:${sign(id, "one")}`)("/visits")).body).toBe("0")
    }
  })
)

describe("what is refused, without a word of the secrets", () => {
  const secret = "very-secret"
  const failure = (layer: Layer.Layer<any, any>) =>
    Effect.map(Effect.flip(Layer.build(layer)), (error: any) => {
      expect(error).toMatchObject({ _tag: "SessionError", reason: "InvalidConfig" })
      for (const text of [error.message, String(error), JSON.stringify(error)]) {
        expect(text).not.toContain(secret)
      }
      return error.message as string
    })
  const provider = Memory.make()

  for (const [what, expected, options] of [
    ["ids in a header", "header, query: with cookie.secrets", { header: "X-Session" }],
    ["ids in a URL", "header, query: with cookie.secrets", { query: "sid" }],
    ["no cookie", "cookie: express and fastify", { cookie: false as never }],
    ["secrets in the wrong place", "cookie.secrets: pass them beside cookie", { cookie: { secrets: [] } as never }],
    ["a secret that is not in an array", "secrets: expected those", { secrets: Redacted.make("a") as never }],
    ["a prefix with a space", "valuePrefix", { cookie: { valuePrefix: "s: ", secure: false } }],
    ["a prefix that is too long", "valuePrefix", { cookie: { valuePrefix: "s".repeat(33), secure: false } }],
    ["no secrets", "secrets: expected those", { secrets: [] }],
    ["secrets that are not there", "secrets: expected those", { secrets: undefined as never }],
    ["an empty secret", "secrets", { secrets: redacted([secret, ""]) }],
    ["a secret in the open", "secrets", { secrets: [secret as never] }],
    ["a secret that is no text", "secrets", { secrets: [Redacted.make(Buffer.from(secret)) as never] }],
    ["a variable that is not set", "secrets", { secrets: [Redacted.make(undefined) as never] }],
    ["one secret in place of several", "secrets", { secrets: Redacted.make(secret) as never }],
    ["one text in place of several", "secrets", { secrets: secret as never }]
  ] as ReadonlyArray<readonly [string, string, Options]>) {
    it.live(what, () =>
      Effect.gen(function* () {
        const { cookie = { secure: false }, ...rest } = options
        const layer = Express.layer(Layer.succeed(SessionProvider.SessionProvider, provider), {
          secrets: redacted([secret]),
          cookie,
          ...rest
        })
        expect(yield* failure(layer)).toContain(expected)
      })
    )
  }

  it.live("sealed cookies", () =>
    Effect.gen(function* () {
      const Cookie = yield* Effect.promise(() => import("effect-session/cookie"))
      const sealing = yield* Effect.orDie(Cookie.make({ keys: [key()] }))
      const layer = managerLayer({ cookie: { secure: false, secrets: redacted([secret]) } }, sealing)
      expect(yield* failure(layer)).toContain("cookie.secrets: clients hold the sessions")
    })
  )
})
