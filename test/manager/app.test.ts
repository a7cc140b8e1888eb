/**
 * Apps that share a backend or a key: with `app`, none of them takes another's sessions, people or seals.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type SessionConfig, type SessionError, SessionLayer, SessionManager } from "effect-session"
import * as BeegoLayer from "effect-session/beego"
import * as Cookie from "effect-session/cookie"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import * as Sqlite from "effect-session/sqlite"
import { errorOf } from "#dialect/result"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import { describe, expect, it } from "#test/vitest"
import { registerOf } from "../../src/Manager/people/owner.js"
import { over, principal, signIn, site } from "../people/site.js"
import { key } from "../support/cookies.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-app-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

type Sessions = Layer.Layer<SessionManager.SessionManager, SessionError>

/** What makes a manager with these options, on a backend or a key that all of them share. */
const backends = {
  memory: Effect.sync(() => {
    const provider = Memory.make()
    return (options: SessionConfig.Options): Sessions => over(provider, options)
  }),
  file: Effect.map(
    folder,
    (directory) =>
      (options: SessionConfig.Options): Sessions =>
        SessionLayer.make(File.layer({ directory }), options)
  ),
  sqlite: Effect.map(
    folder,
    (folder) =>
      (options: SessionConfig.Options): Sessions =>
        SessionLayer.make(Sqlite.layer({ filename: join(folder, "sessions.sqlite") }), options)
  ),
  "sealed cookies": Effect.sync(() => {
    const keys = [key()]
    return (options: SessionConfig.Options): Sessions => SessionLayer.make(Cookie.layer({ keys }), options)
  }),
  "sealed cookies with revocations": Effect.sync(() => {
    const keys = [key()]
    const revocations = Memory.layer()
    return (options: SessionConfig.Options): Sessions => SessionLayer.make(Cookie.layer({ keys, revocations }), options)
  })
} as const

const failure = <A>(layer: Layer.Layer<A, SessionError | unknown>) =>
  Effect.map(Effect.result(Effect.scoped(Layer.build(layer))), (result) =>
    Result.isFailure(result) ? (errorOf(result) as SessionError).message : undefined
  )

describe("apps with names", () => {
  for (const [name, backend] of Object.entries(backends)) {
    it.effect(`are strangers to each other, and to one without a name, on ${name}`, () =>
      Effect.gen(function* () {
        const make = yield* backend
        const apps = yield* Effect.forEach([{ app: "shop" }, { app: "admin" }, {}], (options) =>
          site({}, make(options))
        )
        for (const own of apps) {
          const { cookie, setCookie } = yield* Effect.map(own.send(undefined, signIn("1")), (answer) => ({
            ...answer,
            cookie: answer.setCookie[0]!.split(";")[0]!
          }))
          expect(setCookie).toHaveLength(1)
          for (const other of apps) {
            expect((yield* other.send(cookie, principal)).body).toBe(other === own ? "1" : null)
          }
          // What another app has, or ends, is not this one's.
          for (const other of apps.filter((other) => other !== own)) {
            yield* other.send(undefined, () => Effect.ignore(SessionManager.endAll("1")))
          }
          expect((yield* own.send(cookie, principal)).body).toBe("1")
        }
      })
    )
  }

  it.effect("stay as they were if they have none: ids, lists and seals", () =>
    Effect.gen(function* () {
      expect(registerOf("ada")).toBe(registerOf("ada", ""))
      expect(registerOf("ada")).toBe("NOl3AlRcEF54dM5OkcXVNHqwpQ9YGcTnTHZ__mPKjdw")
      const provider = Memory.make()
      const one = yield* site({}, over(provider))
      const { cookie } = yield* Effect.map(one.send(undefined, signIn("ada")), ({ setCookie }) => ({
        cookie: setCookie[0]!.split(";")[0]!
      }))
      const empty = yield* site({ app: "" }, over(provider, { app: "" }))
      expect((yield* empty.send(cookie, principal)).body).toBe("ada")
    })
  )

  it.effect("of wrong form, or where the id or another program decides, are refused", () =>
    Effect.gen(function* () {
      const memory = (options: SessionConfig.Options) => SessionLayer.make(Memory.layer(), options)
      expect(yield* failure(memory({ app: "my shop" }))).toMatch(/^app: expected up to 64 visible ASCII/)
      expect(yield* failure(memory({ app: "shop", id: { hashed: false } }))).toMatch(/^app: needs hashed ids/)
      expect(yield* failure(memory({ app: "shop", id: { hashed: "migrating", bytes: 24 } }))).toMatch(
        /^app: a session that was stored under its id is of no app/
      )
      const beego = '{"cookieName":"gosessionid","gclifetime":3600,"enableSetCookie":true}'
      const seal =
        '{"cookieName":"gosessionid","gclifetime":3600,"enableSetCookie":true,"ProviderConfig":"{\\"cookieName\\":\\"gosessionid\\",\\"securityKey\\":\\"beegocookiehashkey\\",\\"blockKey\\":\\"0123456789abcdef\\",\\"securityName\\":\\"s\\",\\"maxage\\":3600}"}'
      for (const [provider, json] of [
        ["memory", beego],
        ["cookie", seal]
      ] as const) {
        expect(yield* failure(BeegoLayer.layer(provider, json, { app: "shop" }))).toMatch(
          /^app: another program reads the sessions in this format/
        )
      }
      expect(yield* failure(BeegoLayer.layer("memory", beego, { atRest: "id" }))).toMatch(/^atRest: another program/)
      expect(yield* failure(BeegoLayer.layer("memory", beego, { compress: { over: 1 } }))).toMatch(
        /^compress: another program/
      )
      const sealed = (options: SessionConfig.Options) => SessionLayer.make(Cookie.layer({ keys: [key()] }), options)
      expect(yield* failure(sealed({ atRest: { keys: [Redacted.make("x")] } }))).toMatch(
        /^atRest: clients hold the sessions, and they are sealed already/
      )
      expect(yield* failure(sealed({ compress: { over: 1 } }))).toMatch(/^compress: clients hold the sessions/)
    })
  )
})
