/**
 * Configuration: wrong options fail the layer's build and name themselves; the environment chooses.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { SessionConfig, SessionLayer, SessionManager, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"

const failure = <A>(layer: Layer.Layer<A, unknown>) =>
  Effect.map(Effect.exit(Effect.scoped(Layer.build(layer))), (exit) =>
    Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "built"
  )

describe("a wrong option fails the build and is named", () => {
  const cases: ReadonlyArray<readonly [options: unknown, message: RegExp]> = [
    [{ idleTimeout: "soon" }, /idleTimeout: expected a positive duration such as "30 minutes"/],
    [{ idleTimeout: 0 }, /idleTimeout: expected a positive duration/],
    [{ gcInterval: "-1 seconds" }, /gcInterval: expected a positive duration/],
    [
      { idleTimeout: Duration.infinity, absoluteTimeout: Duration.infinity },
      /idleTimeout: one of idleTimeout and absoluteTimeout/
    ],
    [{ touchEvery: "30 minutes" }, /touchEvery: expected less than idleTimeout/],
    [{ maxBytes: -1 }, /maxBytes: /],
    [{ id: { bytes: 8 } }, /id\.bytes: expected a whole number from 16 to 96/],
    [{ id: { prefix: "../" } }, /id\.prefix: expected up to 32 of letters/],
    [{ cookie: { name: "a b" } }, /cookie.*name.*RFC 9110 token/],
    [{ cookie: { name: "__Host-id", secure: false } }, /cookie.*name.*needs secure: true/],
    [{ cookie: { name: "__secure-id", secure: false } }, /cookie.*name.*needs secure: true/],
    [{ cookie: { name: "__Host-id", domain: "example.org" } }, /cookie.*name.*allows no domain/],
    [{ cookie: { name: "__Host-id", path: "/app" } }, /cookie.*name.*no path but/],
    [{ cookie: { sameSite: "none", secure: false } }, /cookie.*sameSite.*needs secure: true/],
    [{ cookie: { partitioned: true, secure: false } }, /cookie.*partitioned.*needs secure: true/],
    [{ cookie: { domain: "https://example.org" } }, /cookie.*domain.*host name/],
    [{ cookie: { domain: ".example.org:80" } }, /cookie.*domain.*host name/],
    [{ cookie: { path: "app" } }, /cookie.*path.*starts with/],
    [{ cookie: { path: "/;x" } }, /cookie.*path.*starts with/],
    [{ cookie: { maxAge: "500 days" } }, /cookie.*maxAge.*400 days/],
    [{ cookie: false }, /cookie: one of cookie, header and query/],
    [{ header: "X Session" }, /header: /],
    [{ maxSessions: 0 }, /maxSessions: expected a positive integer/]
  ]
  for (const [options, message] of cases) {
    it.effect(JSON.stringify(options), () =>
      Effect.map(failure(SessionLayer.memory(options as SessionConfig.Options)), (text) =>
        expect(text).toMatch(message)
      )
    )
  }

  it.effect("every combination of cookie attributes that builds is one that browsers keep", () =>
    Effect.gen(function* () {
      let built = 0
      for (const name of [undefined, "sid", "__Host-sid", "__Secure-sid"])
        for (const secure of [true, false])
          for (const sameSite of ["strict", "lax", "none"] as const)
            for (const domain of [undefined, "example.org"])
              for (const path of ["/", "/app"])
                for (const partitioned of [true, false]) {
                  const cookie = {
                    secure,
                    sameSite,
                    path,
                    partitioned,
                    ...(name === undefined ? {} : { name }),
                    ...(domain === undefined ? {} : { domain })
                  }
                  const text = yield* failure(SessionLayer.memory({ cookie }))
                  // RFC 6265bis 4.1.3 and 5.7.
                  const kept =
                    (secure || !(name?.startsWith("__") || sameSite === "none" || partitioned)) &&
                    (name !== "__Host-sid" || (domain === undefined && path === "/"))
                  expect(text === "built", JSON.stringify(cookie)).toBe(kept)
                  built += kept ? 1 : 0
                }
      expect(built).toBeGreaterThan(50)
    })
  )
})

describe("presets", () => {
  for (const [name, preset] of Object.entries({
    localHttp: SessionConfig.localHttp,
    ...SessionConfig.owasp,
    ...SessionConfig.nist
  })) {
    it.effect(name, () => Effect.map(failure(SessionLayer.memory(preset)), (text) => expect(text).toBe("built")))
  }
})

const fromEnv = (variables: Record<string, string>, options?: Parameters<typeof SessionLayer.fromConfig>[0]) =>
  Layer.provide(
    SessionLayer.fromConfig(options),
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  )

const config = (variables: Record<string, string>) =>
  Effect.map(SessionManager.SessionManager, (manager) => manager.config).pipe(Effect.provide(fromEnv(variables)))

describe("fromConfig", () => {
  it.effect("is memory, with the defaults, where nothing is set", () =>
    Effect.gen(function* () {
      expect(yield* config({})).toEqual(yield* SessionConfig.make({}))
    })
  )

  it.effect("reads every option", () =>
    Effect.gen(function* () {
      const read = yield* config({
        SESSION_PROVIDER: "memory",
        SESSION_IDLE_TIMEOUT: "10 minutes",
        SESSION_ABSOLUTE_TIMEOUT: "2 hours",
        SESSION_TOUCH_EVERY: "30 seconds",
        SESSION_GC_INTERVAL: "5 minutes",
        SESSION_TIMEOUT: "3 seconds",
        SESSION_MAX_BYTES: "1000",
        SESSION_KEEP_ON_SERVER_ERROR: "true",
        SESSION_WHEN_NOT_SAVED: "response",
        SESSION_ID_BYTES: "20",
        SESSION_ID_PREFIX: "app-",
        SESSION_ID_ENCODING: "hex",
        SESSION_ID_HASHED: "false",
        SESSION_COOKIE_NAME: "sid",
        SESSION_COOKIE_DOMAIN: "example.org",
        SESSION_COOKIE_PATH: "/app",
        SESSION_COOKIE_SECURE: "true",
        SESSION_COOKIE_HTTP_ONLY: "false",
        SESSION_COOKIE_SAME_SITE: "strict",
        SESSION_COOKIE_PARTITIONED: "true",
        SESSION_COOKIE_MAX_AGE: "7 days",
        SESSION_COOKIE_SENT: "false",
        SESSION_HEADER: "X-Session-Id",
        SESSION_QUERY: "sid"
      })
      expect(read).toEqual(
        yield* SessionConfig.make({
          idleTimeout: "10 minutes",
          absoluteTimeout: "2 hours",
          touchEvery: "30 seconds",
          gcInterval: "5 minutes",
          timeout: "3 seconds",
          maxBytes: 1000,
          keepOnServerError: true,
          whenNotSaved: "response",
          id: { bytes: 20, prefix: "app-", encoding: "hex", hashed: false },
          cookie: {
            name: "sid",
            domain: "example.org",
            path: "/app",
            httpOnly: false,
            sameSite: "strict",
            partitioned: true,
            maxAge: "7 days",
            sent: false
          },
          header: "X-Session-Id",
          query: "sid"
        })
      )
      expect((yield* config({ SESSION_COOKIE: "false", SESSION_HEADER: "X-Id" })).cookie).toBe(false)
    })
  )

  for (const [variables, message] of [
    [{ SESSION_PROVIDER: "redsi" }, /SESSION_PROVIDER.*unknown provider "redsi": expected one of memory, /],
    [{ SESSION_PROVIDER: "__proto__" }, /SESSION_PROVIDER.*unknown provider/],
    [{ SESSION_IDLE_TIMEOUT: "soon" }, /SESSION_IDLE_TIMEOUT: expected a positive duration/],
    [{ SESSION_COOKIE_SECURE: "maybe" }, /SESSION_COOKIE_SECURE/],
    [{ SESSION_COOKIE_SENT: "maybe" }, /SESSION_COOKIE_SENT/],
    [{ SESSION_ID_BYTES: "many" }, /SESSION_ID_BYTES/],
    [{ SESSION_ID_HASHED: "perhaps" }, /SESSION_ID_HASHED: expected true, false or migrating/],
    [{ SESSION_ID_HASHED: "migrating" }, /SESSION_ID_HASHED: migrating needs ids that cannot be taken for hashes/],
    [{ SESSION_COOKIE_NAME: "__Host-id", SESSION_COOKIE_SECURE: "false" }, /SESSION_COOKIE_NAME: .*needs secure/],
    [{ SESSION_WHEN_NOT_SAVED: "shrug" }, /SESSION_WHEN_NOT_SAVED: .*"503"/]
  ] as ReadonlyArray<readonly [Record<string, string>, RegExp]>) {
    it.effect(`${JSON.stringify(variables)} is an error that names the variable`, () =>
      Effect.map(failure(fromEnv(variables)), (text) => expect(text).toMatch(message))
    )
  }

  it.effect("knows providers that are registered by name", () =>
    Effect.gen(function* () {
      const mine = Layer.succeed(SessionProvider.SessionProvider, { ...Memory.make(), name: "mine" })
      const variables = { SESSION_PROVIDER: "mine" }
      const name = yield* Effect.map(SessionManager.SessionManager, (manager) => manager.backend).pipe(
        Effect.provide(fromEnv(variables, { providers: { mine } }))
      )
      expect(name).toBe("mine")
      expect(yield* failure(fromEnv(variables))).toMatch(/unknown provider "mine"/)
    })
  )
})
