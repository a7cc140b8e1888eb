/**
 * Configuration: wrong options fail the layer's build and name themselves; the environment chooses.
 */

import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { promisify } from "node:util"
import { SessionConfig, SessionLayer, SessionManager, SessionProvider } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import * as Cause from "#effect/Cause"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import { providersWith } from "#test/providers"
import { pathsOf } from "#test/schema"
import { describe, expect, it } from "#test/vitest"
import { names, variableOf } from "../../src/layers/variables.js"
import { bundle } from "../support/bundle.js"
import { collectLogs } from "../support/logs.js"

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
    [{ validFrom: "soon" }, /validFrom: expected a date, such as 2030-01-31T12:00:00Z$/m],
    [{ validFrom: null }, /validFrom: expected a date/],
    [{ remember: { idleTimeout: 0 } }, /remember\.idleTimeout: expected a positive duration/],
    [{ remember: { absoluteTimeout: Duration.infinity } }, /remember\.absoluteTimeout: expected at most 400 days/],
    [{ remember: { absoluteTimeout: "401 days" } }, /remember\.absoluteTimeout: expected at most 400 days/],
    [{ remember: { idleTimeout: "31 days" } }, /remember\.idleTimeout: expected at most remember\.absoluteTimeout/],
    [{ remember: { absoluteTimeout: "7 days" } }, /remember\.idleTimeout: .*; the default is 14 days/],
    [
      { remember: { forever: true } },
      /remember\.forever: unknown option: expected one of idleTimeout, absoluteTimeout/
    ],
    [{ principals: { max: 0 } }, /principals\.max: expected a whole number from 1 to 10,000/],
    [{ principals: { max: 10_001 } }, /principals\.max: expected a whole number from 1 to 10,000/],
    [{ principals: { max: 1.5 } }, /principals\.max: expected /],
    [{ principals: { whenExceeded: "end" } }, /principals\.whenExceeded: expected "end-oldest" or "refuse"$/m],
    [{ principals: { bestEffort: "yes" } }, /principals\.bestEffort: expected /],
    [
      { clearSiteData: ["cookie"] },
      /clearSiteData\.0: expected "cache", "cookies", "storage" or "executionContexts"$/m
    ],
    [{ clearSiteData: "cookies" }, /clearSiteData: expected /],
    [{ id: { renewEvery: 0 } }, /id\.renewEvery: expected a positive duration/],
    [{ id: { renewEvery: "30 seconds" } }, /id\.grace: expected less than renewEvery/],
    [{ id: { grace: "10 minutes", renewEvery: "5 minutes" } }, /id\.grace: expected less than renewEvery/],
    [{ id: { grace: 0 } }, /id\.grace: expected a positive duration/],
    [{ id: { watchReuse: "for ever" } }, /id\.watchReuse: expected a duration such as "1 hour", or 0/],
    [{ id: { watchReuse: Duration.infinity } }, /id\.watchReuse: expected a duration/],
    [{ id: { endOnReuse: true, watchReuse: 0 } }, /id\.endOnReuse: needs a watchReuse above 0/],
    [{ id: { bytes: 8 } }, /id\.bytes: expected a whole number from 16 to 96/],
    [{ id: { prefix: "../" } }, /id\.prefix: expected at most 32 letters/],
    [{ cookie: { name: "a b" } }, /cookie.*name.*RFC 9110 token/],
    [{ cookie: { name: "__Host-id", secure: false } }, /cookie.*name.*needs secure: true/],
    [{ cookie: { name: "__secure-id", secure: false } }, /cookie.*name.*needs secure: true/],
    [{ cookie: { name: "__Host-id", domain: "example.org" } }, /cookie.*name.*allows no domain/],
    [{ cookie: { name: "__Host-id", path: "/app" } }, /cookie.*name.*no path but/],
    [{ cookie: { sameSite: "none", secure: false } }, /cookie.*sameSite.*needs secure: true/],
    [{ cookie: { partitioned: true, secure: false } }, /cookie.*partitioned.*needs secure: true/],
    [{ cookie: { domain: "https://example.org" } }, /cookie.*domain.*host name/],
    [{ cookie: { domain: ".example.org:80" } }, /cookie.*domain.*host name/],
    [{ cookie: { domain: "com" } }, /cookie.*domain.*of two names or more/],
    [{ cookie: { path: "app" } }, /cookie.*path.*starts with/],
    [{ cookie: { path: "/;x" } }, /cookie.*path.*starts with/],
    [{ cookie: { maxAge: "500 days" } }, /cookie.*maxAge.*400 days/],
    [{ cookie: false }, /cookie: one of cookie, header and query/],
    [{ header: "X Session" }, /header: expected a name of letters/],
    [{ header: 5 }, /header: expected false or a string/],
    [{ header: "Set-Cookie" }, /header: expected a header of your own/],
    [{ header: "cookie" }, /header: expected a header of your own/],
    [{ header: "Content-Length" }, /header: expected a header of your own/],
    [{ header: "Sec-Fetch-Site" }, /header: expected a header of your own/],
    [{ maxSessions: 0 }, /maxSessions: expected a positive integer/],
    [{ whenNotSaved: "shrug" }, /whenNotSaved: expected "503" or "response"$/m],
    [{ id: { hashed: "perhaps" } }, /id\.hashed: expected true, false or "migrating"$/m],
    [{ cookie: "yes" }, /cookie: expected false or an object$/m],
    [{ idleTimeOut: "1 minute" }, /: idleTimeOut: unknown option: did you mean idleTimeout\?/],
    [{ idletimeout: "1 minute" }, /: idletimeout: unknown option: did you mean idleTimeout\?/],
    [{ cookie: { samesite: "lax" } }, /: cookie\.samesite: unknown option: did you mean sameSite\?/],
    [{ cookie: { maxage: 1, secrue: true } }, /cookie\.maxage: .*maxAge\?; cookie\.secrue: .*did you mean secure\?/],
    [
      { id: { lenght: 20 } },
      /: id\.lenght: unknown option: expected one of bytes, prefix, encoding, hashed, renewEvery, grace, /
    ],
    [{ __proto__: null, constructor: 1 }, /: constructor: unknown option/]
  ]
  for (const [options, message] of cases) {
    it.effect(JSON.stringify(options), () =>
      Effect.map(failure(SessionLayer.memory(options as SessionConfig.Options)), (text) =>
        expect(text).toMatch(message)
      )
    )
  }

  it.effect("and its value is in no message", () =>
    Effect.gen(function* () {
      const secret = "s3cret-value"
      for (const options of [
        { idleTimeout: secret },
        { maxBytes: secret },
        { id: { encoding: secret } },
        { cookie: { secure: secret } },
        { cookie: { name: `${secret} ;` } },
        { [`${"secure"}d`]: secret }
      ]) {
        const text = yield* failure(SessionLayer.memory(options as SessionConfig.Options))
        expect(text).toContain("SessionError: ")
        expect(text).not.toContain(secret)
      }
    })
  )

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

  for (const [name, preset] of Object.entries({ ...SessionConfig.owasp, ...SessionConfig.nist })) {
    it.effect(`${name}: nobody is remembered for longer than it allows`, () =>
      Effect.map(SessionConfig.make(preset), ({ absoluteTimeout, idleTimeout, remember }) =>
        expect(remember).toEqual({ absoluteTimeout, idleTimeout })
      )
    )
  }
})

describe("defaults", () => {
  it.effect("are those that the options' comments say", () =>
    Effect.map(SessionConfig.make({}), ({ clearSiteData, id, principals, remember, validFrom }) => {
      expect(validFrom).toBeUndefined()
      expect(remember).toEqual({ idleTimeout: Duration.days(14), absoluteTimeout: Duration.days(30) })
      expect(principals).toEqual({ max: 1000, whenExceeded: "end-oldest", bestEffort: false })
      expect(clearSiteData).toEqual([])
      expect(id).toMatchObject({ grace: Duration.seconds(30), watchReuse: Duration.hours(1), endOnReuse: false })
      expect(id.renewEvery).toBeUndefined()
    })
  )

  it.effect("a watchReuse below 0 is refused, or is 0 as all durations of Effect 3 that are below it", () =>
    Effect.map(Effect.option(SessionConfig.make({ id: { watchReuse: "-1 hour" } })), (config) =>
      expect(Option.map(config, ({ id }) => Duration.toMillis(id.watchReuse))).not.toEqual(Option.some(-3_600_000))
    )
  )

  it.effect("stay for the options of a group that are left out", () =>
    Effect.map(SessionConfig.make({ remember: { idleTimeout: "1 day" }, principals: { max: 1 } }), (config) => {
      expect(config.remember).toEqual({ idleTimeout: Duration.days(1), absoluteTimeout: Duration.days(30) })
      expect(config.principals).toEqual({ max: 1, whenExceeded: "end-oldest", bestEffort: false })
    })
  )
})

const fromEnv = (variables: Record<string, string>, options?: Parameters<typeof SessionLayer.fromConfig>[0]) =>
  Layer.provide(SessionLayer.fromConfig(options), ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables)))

const config = (variables: Record<string, string>) =>
  Effect.map(SessionManager.SessionManager, (manager) => manager.config).pipe(Effect.provide(fromEnv(variables)))

describe("fromConfig", () => {
  it.effect("is memory, with the defaults, where nothing is set", () =>
    Effect.gen(function* () {
      expect(yield* config({})).toEqual(yield* SessionConfig.make({}))
    })
  )

  it.effect("is memory, with its own variable, or where others are empty or it is named", () =>
    Effect.gen(function* () {
      yield* config({ SESSION_MAX_SESSIONS: "10" })
      yield* config({ SESSION_URL: "", SESSION_KEYS: "" })
      yield* config({ SESSION_PROVIDER: "memory", SESSION_URL: "redis://127.0.0.1" })
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
        SESSION_ID_RENEW_EVERY: "1 hour",
        SESSION_ID_GRACE: "10 seconds",
        SESSION_ID_WATCH_REUSE: "2 hours",
        SESSION_ID_END_ON_REUSE: "true",
        SESSION_VALID_FROM: "2030-01-31T12:00:00Z",
        SESSION_REMEMBER_IDLE_TIMEOUT: "7 days",
        SESSION_REMEMBER_ABSOLUTE_TIMEOUT: "60 days",
        SESSION_PRINCIPALS_MAX: "5",
        SESSION_PRINCIPALS_WHEN_EXCEEDED: "refuse",
        SESSION_PRINCIPALS_BEST_EFFORT: "true",
        SESSION_CLEAR_SITE_DATA: "cache, storage",
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
          id: {
            bytes: 20,
            prefix: "app-",
            encoding: "hex",
            hashed: false,
            renewEvery: "1 hour",
            grace: "10 seconds",
            watchReuse: "2 hours",
            endOnReuse: true
          },
          validFrom: Date.parse("2030-01-31T12:00:00Z"),
          remember: { idleTimeout: "7 days", absoluteTimeout: "60 days" },
          principals: { max: 5, whenExceeded: "refuse", bestEffort: true },
          clearSiteData: ["cache", "storage"],
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
      const { cookie } = yield* config({
        SESSION_COOKIE_SECRETS: "new one, old one",
        SESSION_COOKIE_VALUE_PREFIX: "v:"
      })
      expect(cookie && [cookie.valuePrefix, ...cookie.secrets.map(Redacted.value)]).toEqual([
        "v:",
        "new one",
        "old one"
      ])
    })
  )

  for (const [variables, message] of [
    [{ SESSION_PROVIDER: "redsi" }, /SESSION_PROVIDER: .*unknown provider "redsi": did you mean redis\?/],
    [{ SESSION_PROVIDER: "sqlite3" }, /unknown provider "sqlite3": did you mean sqlite\?/],
    [{ SESSION_PROVIDER: "mongodb" }, /unknown provider "mongodb": expected one of memory, file, redis, /],
    [{ SESSION_PROVIDER: "__proto__" }, /SESSION_PROVIDER.*unknown provider/],
    [
      { SESSION_URL: "redis://127.0.0.1" },
      /SESSION_PROVIDER: "?expected the name of a backend, such as redis: .*memory, which ignores SESSION_URL\b/
    ],
    [{ SESSION_PROVIDER: "redis" }, /SESSION_URL: "?it is not set: /],
    [{ SESSION_PROVIDER: "file" }, /SESSION_URL: "?it is not set: /],
    [{ SESSION_KEYS: "secret", SESSION_TABLE: "t" }, /memory, which ignores SESSION_TABLE, SESSION_KEYS\b/],
    [
      { SESSION_PROVIDER: "cookie" },
      /SESSION_KEYS: "?it is not set: .*commas.*32 random bytes.*openssl rand -base64 32/
    ],
    [{ SESSION_PROVIDER: "cookie", SESSION_KEYS: "" }, /SESSION_KEYS: "?it is not set: .*32 random bytes/],
    [{ SESSION_IDLE_TIMEOUT: "soon" }, /SESSION_IDLE_TIMEOUT: expected a positive duration/],
    [{ SESSION_COOKIE_SECURE: "maybe" }, /SESSION_COOKIE_SECURE/],
    [{ SESSION_COOKIE_SENT: "maybe" }, /SESSION_COOKIE_SENT/],
    [{ SESSION_ID_BYTES: "many" }, /SESSION_ID_BYTES/],
    [{ SESSION_ID_HASHED: "perhaps" }, /SESSION_ID_HASHED: expected true, false or "migrating"/],
    [{ SESSION_ID_HASHED: "migrating" }, /SESSION_ID_HASHED: migrating needs ids that cannot be taken for hashes/],
    [{ SESSION_COOKIE_NAME: "__Host-id", SESSION_COOKIE_SECURE: "false" }, /SESSION_COOKIE_NAME: .*needs secure/],
    [{ SESSION_WHEN_NOT_SAVED: "shrug" }, /SESSION_WHEN_NOT_SAVED: .*"503"/],
    [{ SESSION_CLEAR_SITE_DATA: "cache,cookie" }, /SESSION_CLEAR_SITE_DATA: expected "cache", "cookies"/],
    [{ SESSION_ID_RENEW_EVERY: "20 seconds" }, /id\.grace: expected less than renewEvery; the default is 30 seconds/],
    [
      { SESSION_ID_END_ON_REUSE: "true", SESSION_ID_WATCH_REUSE: "0" },
      /SESSION_ID_END_ON_REUSE: needs a watchReuse above 0/
    ]
  ] as ReadonlyArray<readonly [Record<string, string>, RegExp]>) {
    it.effect(`${JSON.stringify(variables)} is an error that names the variable`, () =>
      Effect.map(failure(fromEnv(variables)), (text) => expect(text).toMatch(message))
    )
  }

  it.effect("an option of the code stays unless its variable is set", () =>
    Effect.gen(function* () {
      const session: SessionConfig.Options = {
        idleTimeout: "15 minutes",
        gcInterval: "2 minutes",
        cookie: { sameSite: "strict", path: "/app" }
      }
      const manager = yield* SessionManager.SessionManager.pipe(
        Effect.provide(fromEnv({ SESSION_IDLE_TIMEOUT: "1 hour", SESSION_COOKIE_PATH: "/" }, { session }))
      )
      expect(manager.config).toEqual(
        yield* SessionConfig.make({ ...session, idleTimeout: "1 hour", cookie: { sameSite: "strict", path: "/" } })
      )
      const bare = { SESSION_COOKIE: "false", SESSION_HEADER: "X-Id" }
      const off = yield* SessionManager.SessionManager.pipe(Effect.provide(fromEnv(bare, { session })))
      expect(off.config.cookie).toBe(false)
      const headerAlone: SessionConfig.Options = { cookie: false, header: "X-Id" }
      const on = yield* SessionManager.SessionManager.pipe(
        Effect.provide(fromEnv({ SESSION_COOKIE: "true" }, { session: headerAlone }))
      )
      expect(on.config.cookie).toEqual((yield* SessionConfig.make({})).cookie)
    })
  )

  it.effect("a wrong option is named as it was written: by its variable, or by its path in the code", () =>
    Effect.gen(function* () {
      const session: SessionConfig.Options = { maxBytes: -1 }
      expect(yield* failure(fromEnv({ SESSION_COOKIE_SAME_SITE: "most" }, { session }))).toMatch(
        /: maxBytes: expected a positive number; SESSION_COOKIE_SAME_SITE: expected "strict", "lax" or "none"/
      )
      expect(yield* failure(fromEnv({}, { session: { idleTimeOut: 1 } as SessionConfig.Options }))).toMatch(
        /idleTimeOut: unknown option: did you mean idleTimeout\?/
      )
    })
  )

  it("each option of the Schema has a variable", () => {
    const all = pathsOf(SessionConfig.SessionConfig)
    expect(all.length).toBeGreaterThan(20)
    expect(all).toContainEqual(["cookie", "sameSite"])
    // A function is no text.
    for (const path of all.filter(([name]) => name !== "admit")) {
      expect(names).toContain(variableOf(path))
    }
  })

  it("docs/configuration.md has every variable", () => {
    const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8")
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })

  it.effect("takes the layers' names, and beego's", () =>
    Effect.gen(function* () {
      for (const [name, message] of [
        ["postgres", /url: expected postgres:/],
        ["postgresql", /url: expected postgres:/],
        ["mysql", /url: expected mysql:/],
        ["mariadb", /url: expected mysql:/],
        ["memcached", /url: expected host:port/],
        ["memcache", /url: expected host:port/],
        ["redisCluster", /url: expected redis:/],
        ["redis_cluster", /url: expected redis:/],
        ["redisSentinel", /url: expected redis:/],
        ["redis_sentinel", /url: expected redis:/],
        ["couchbase", /url: expected couchbase:/]
      ] as const) {
        const variables = { SESSION_PROVIDER: name, SESSION_URL: "http://x/", SESSION_MASTER_NAME: "main" }
        expect(yield* failure(fromEnv(variables)), name).toMatch(message)
      }
    })
  )

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

  it.effect("wraps the provider that is chosen, also by default or by name, and leaves an app's own sealing", () =>
    Effect.gen(function* () {
      const backendOf = (variables: Record<string, string>) => {
        const wrap = (provider: SessionProvider.Provider) => ({ ...provider, name: `wrapped ${provider.name}` })
        const providers = {
          mine: Layer.succeed(SessionProvider.SessionProvider, { ...Memory.make(), name: "mine" }),
          sealed: Cookie.layer({ keys: [Redacted.make("3q2-7wAFVyd1w8Kz5u0pX9sBcRnTgYhJ4mLoQeUiAfE")] })
        }
        return Effect.map(SessionManager.SessionManager, (manager) => manager.backend).pipe(
          Effect.provide(fromEnv(variables, { providers, wrap }))
        )
      }
      expect(yield* backendOf({})).toBe("wrapped memory")
      expect(yield* backendOf({ SESSION_PROVIDER: "mine" })).toBe("wrapped mine")
      expect(yield* backendOf({ SESSION_PROVIDER: "sealed" })).toBe("cookie")
    })
  )
})

describe("a variable that begins with SESSION_ and is none", () => {
  it.effect("is an error that suggests the right one", () =>
    Effect.gen(function* () {
      for (const [name, meant] of [
        ["SESSION_IDLE_TIMOUT", "SESSION_IDLE_TIMEOUT"],
        ["SESSION_IDLETIMEOUT", "SESSION_IDLE_TIMEOUT"],
        ["SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_SAME_SITE"],
        ["SESSION_SECRET", undefined],
        ["SESSION_KEY", "SESSION_KEYS"],
        ["SESSION_PROVIDRE", "SESSION_PROVIDER"]
      ] as const) {
        const text = yield* failure(fromEnv({ [name]: "s3cret" }))
        const hint = meant === undefined ? "it is none" : `did you mean ${meant}\\?`
        expect(text).toMatch(RegExp(`${name}: "?unknown variable: ${hint}`))
        expect(text).not.toContain("s3cret")
      }
    })
  )

  it.effect("is left alone if the app has named it, or a desktop or Kubernetes set it", () =>
    Effect.gen(function* () {
      const foreign = {
        SESSION_MANAGER: "local/host",
        SESSION_SERVICE_HOST: "10.0.0.1",
        SESSION_PORT: "tcp://10.0.0.1:6379",
        SESSION_REDIS_PORT_6379_TCP_ADDR: "10.0.0.1",
        SESSIONS: "1",
        MY_SESSION_URL: "x"
      }
      expect(yield* failure(fromEnv(foreign))).toBe("built")
      const own = { SESSION_SECRET: "x" }
      expect(yield* failure(fromEnv(own))).toContain("SESSION_SECRET")
      expect(yield* failure(fromEnv(own, { ignore: ["SESSION_SECRET"] }))).toBe("built")
    })
  )

  it.effect("is looked for where the ConfigProvider looks", () =>
    Effect.gen(function* () {
      const map = ConfigProvider.fromEnvRecord
      const built = (provider: ConfigProvider.ConfigProvider) =>
        failure(Layer.provide(SessionLayer.fromConfig(), ConfigProvider.layer(provider)))
      const wrong = { SESSION_TIMEOUTS: "1 second" }
      const meant = "did you mean SESSION_TIMEOUT?"
      for (const [where, provider] of Object.entries(providersWith(wrong))) {
        expect(yield* built(provider), where).toContain(meant)
      }
      expect(yield* built(ConfigProvider.nested(map({ APP_X: "1", ...wrong }), "APP"))).toBe("built")
    })
  )

  it("is found in the environment of a process", async () => {
    const run = async (variables: Record<string, string>) => {
      const child = await bundle(new URL("environmentChild.ts", import.meta.url))
      const env = { PATH: process.env["PATH"] ?? "", ...variables }
      return (await promisify(execFile)(process.execPath, [child], { env })).stdout.trim()
    }
    const right = { SESSION_IDLE_TIMEOUT: "10 minutes", SESSION_COOKIE: "true", SESSION_COOKIE_SECURE: "false" }
    expect(await run({ ...right, SESSION_MANAGER: "local/host" })).toBe("built")
    expect(await run({ ...right, SESSION_IDLE_TIMOUT: "10 minutes" })).toContain("did you mean SESSION_IDLE_TIMEOUT?")
    // Also one that others begin with.
    expect(await run({ ...right, SESSION_COOKIE_SECUR: "false" })).toContain("did you mean SESSION_COOKIE_SECURE?")
    expect(await run({ ...right, SESSION_COOKIE_: "x" })).toContain("did you mean SESSION_COOKIE?")
    expect(await run({ ...right, SESSION_ID: "x" })).toContain("SESSION_ID")
  }, 60_000)
})

describe("an odd lifetime is told", () => {
  const warnings = (options: SessionConfig.Options) => {
    const { layer, logged } = collectLogs()
    return Effect.map(failure(Layer.provide(SessionLayer.memory(options), layer)), (text) => {
      expect(text).toBe("built")
      return logged
    })
  }

  it.effect("an idleTimeout that the default of absoluteTimeout cuts short", () =>
    Effect.gen(function* () {
      const long = /^idleTimeout \(14d\) is longer than absoluteTimeout \(12h\)/
      expect(yield* warnings({ idleTimeout: "14 days" })).toEqual([expect.stringMatching(long)])
      expect(yield* warnings({ idleTimeout: "14 days", absoluteTimeout: "14 days" })).toEqual([])
      expect(yield* warnings({ idleTimeout: "14 days", absoluteTimeout: Duration.infinity })).toEqual([])
      // No idle timeout at all is said on purpose.
      expect(yield* warnings({ idleTimeout: Duration.infinity })).toEqual([])
    })
  )

  it.effect("a cookie.maxAge shorter than touchEvery, or longer than the session can live", () =>
    Effect.gen(function* () {
      const short = /^cookie.maxAge \(2m\) is shorter than touchEvery \(3m\)/
      expect(yield* warnings({ cookie: { maxAge: "2 minutes" } })).toEqual([expect.stringMatching(short)])
      const long = /^cookie.maxAge \(30d\) is longer than absoluteTimeout \(12h\)/
      expect(yield* warnings({ cookie: { maxAge: "30 days" } })).toEqual([expect.stringMatching(long)])
      expect(yield* warnings({ touchEvery: "1 minute", cookie: { maxAge: "2 minutes" } })).toEqual([])
      expect(yield* warnings({ absoluteTimeout: "30 days", cookie: { maxAge: "30 days" } })).toEqual([])
      expect(yield* warnings({})).toEqual([])
      // Also of a layer over a provider of one's own.
      const { layer, logged } = collectLogs()
      const own = SessionManager.layer({ cookie: { maxAge: "30 days" } }).pipe(
        Layer.provide(Memory.layer()),
        Layer.provide(layer)
      )
      yield* Effect.scoped(Layer.build(own))
      expect(logged).toEqual([expect.stringMatching(long)])
    })
  )
})
