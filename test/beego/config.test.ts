// beego's configuration as options of ours: its JSON, and the strings of its providers, as our clients understand what comes of them.

import { createRequire } from "node:module"
import { SessionConfig, SessionManager } from "effect-session"
import * as Beego from "effect-session/beego"
import * as FastCheck from "fast-check"
import { errorOf } from "#dialect/result"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import { describe, expect, it } from "#test/vitest"
import { providers } from "../../src/beego/providers.js"
import { addresses } from "../../src/Provider/redis/addresses.js"
import { soak } from "../support/soak.js"

const secret = "hunter2"

/** As in beego's documentation, with a password. */
const documented = {
  cookieName: "gosessionid",
  enableSetCookie: true,
  gclifetime: 3600,
  maxLifetime: 1800,
  secure: false,
  cookieLifeTime: 3600,
  providerConfig: `127.0.0.1:6379,100,${secret}`
}

const everything = {
  ...documented,
  disableHTTPOnly: true,
  secure: true,
  EnableSidInHTTPHeader: true,
  SessionNameInHTTPHeader: "X-Session-Id",
  EnableSidInURLQuery: true,
  domain: ".example.org",
  sessionIDLength: 32,
  sessionIDPrefix: "app-",
  cookieSameSite: 4
}

const lasting = {
  idleTimeout: Duration.minutes(30),
  absoluteTimeout: Number.POSITIVE_INFINITY,
  gcInterval: Duration.hours(1)
}

describe("fromBeego", () => {
  it.effect("reads what beego's documentation has, as text and as an object", () =>
    Effect.gen(function* () {
      const options = {
        ...lasting,
        id: { bytes: 16, encoding: "hex", hashed: false, prefix: "" },
        cookie: {
          name: "gosessionid",
          sent: true,
          secure: false,
          httpOnly: true,
          sameSite: "lax",
          maxAge: Duration.hours(1)
        },
        header: false,
        query: false
      }
      expect(yield* Beego.options(documented)).toEqual(options)
      expect(yield* Beego.options(JSON.stringify(documented))).toEqual(options)
    })
  )

  it.effect("reads every option", () =>
    Effect.gen(function* () {
      expect(yield* Beego.options(everything)).toEqual({
        ...lasting,
        id: { bytes: 32, encoding: "hex", hashed: false, prefix: "app-" },
        cookie: {
          name: "gosessionid",
          sent: true,
          secure: true,
          httpOnly: false,
          sameSite: "none",
          domain: "example.org",
          maxAge: Duration.hours(1)
        },
        header: "X-Session-Id",
        query: "gosessionid"
      })
    })
  )

  it.effect("takes gclifetime for a maxLifetime that is 0 or left out, as beego does", () =>
    Effect.gen(function* () {
      for (const maxLifetime of [0, undefined]) {
        const { idleTimeout } = yield* Beego.options(JSON.stringify({ ...documented, maxLifetime }))
        expect(idleTimeout).toEqual(Duration.hours(1))
      }
    })
  )

  it("matches names whatever their case, as Go does", () => {
    const expected = Effect.runSync(Beego.options(everything))
    FastCheck.assert(
      FastCheck.property(FastCheck.infiniteStream(FastCheck.boolean()), (upper) => {
        const config = Object.fromEntries(
          Object.entries(everything).map(([name, value]) => [
            [...name].map((letter) => (upper.next().value ? letter.toUpperCase() : letter.toLowerCase())).join(""),
            value
          ])
        )
        expect(Effect.runSync(Beego.options(config))).toEqual(expected)
      }),
      { numRuns: soak(50, 500) }
    )
  })

  it.effect("its preset is what a beego app does that sets nothing", () =>
    Effect.gen(function* () {
      const config = yield* SessionConfig.make(Beego.defaults)
      expect(config.id).toMatchObject({ bytes: 16, encoding: "hex", hashed: false, prefix: "" })
      expect(config.cookie).toMatchObject({ name: "beegosessionID", secure: true, sameSite: "lax" })
      expect([config.idleTimeout, Duration.isFinite(config.absoluteTimeout)]).toEqual([Duration.hours(1), false])
    })
  )

  /** Each is accepted by beego, which ignores it, drops it, panics on it, or goes round in circles. */
  const refused: ReadonlyArray<readonly [change: object, message: string]> = [
    [{ cookieName: "" }, "cookieName: is missing"],
    [{ cookieName: "bad name" }, "cookieName: expected a name of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 token)"],
    [{ enableSetCookie: false }, "enableSetCookie: is false, as it is by default"],
    // As beego's documentation spells it.
    [{ "enableSetCookie,omitempty": true }, "enableSetCookie,omitempty: beego knows no such option, and ignores it"],
    [{ hashfunc: "sha1" }, "hashfunc: beego knows no such option, and ignores it"],
    [{ gclifetime: 0 }, "gclifetime: expected a positive number of seconds"],
    [{ gclifetime: "3600" }, "gclifetime: expected a number"],
    [{ gclifetime: 1.5 }, "gclifetime: expected an integer"],
    [{ maxLifetime: -1 }, "maxLifetime: expected a positive number of seconds"],
    [{ cookieLifeTime: 500 * 24 * 3600 }, "cookieLifeTime: browsers keep a cookie for 400 days at most"],
    [{ domain: "http://domain.com" }, "domain: expected a host name"],
    [{ sessionIDLength: 8 }, "sessionIDLength: expected 16 random bytes or more"],
    [{ sessionIDLength: -1 }, "sessionIDLength: expected 16 random bytes or more"],
    [{ sessionIDLength: 97 }, "sessionIDLength: expected a whole number from 16 to 96"],
    [{ sessionIDPrefix: "../" }, "sessionIDPrefix: expected at most 32 letters"],
    [{ cookieSameSite: 5 }, "cookieSameSite: expected 0 or 1 (default), 2 (Lax), 3 (Strict) or 4 (None)"],
    [{ cookieSameSite: 4 }, "cookieSameSite: 4 (None) needs secure: true"],
    [{ EnableSidInHTTPHeader: true }, "SessionNameInHTTPHeader: is missing"],
    [
      { EnableSidInHTTPHeader: true, SessionNameInHTTPHeader: "x-session-id" },
      "SessionNameInHTTPHeader: beego panics on this spelling: write X-Session-Id"
    ],
    [
      { EnableSidInHTTPHeader: true, SessionNameInHTTPHeader: "X Session" },
      "SessionNameInHTTPHeader: expected a name of letters"
    ],
    [{ secure: "yes" }, "secure: expected a boolean"],
    [{ providerConfig: { password: secret } }, "providerConfig: expected a string"]
  ]
  for (const [change, message] of refused) {
    it.effect(`${JSON.stringify(change)} is refused`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Beego.options({ ...documented, ...change }))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message.slice(0, message.length)).toBe(message)
        expect(error.message).not.toContain(secret)
        expect(error.message).not.toContain("actual")
      })
    )
  }

  it.effect("names all fields that are wrong, not only the first", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(Beego.options({ cookieName: 1, gclifetime: "1", hashkey: secret }))
      expect(message).toMatch(/cookieName: .*gclifetime: |gclifetime: .*cookieName: /)
      expect(message).toMatch(/hashkey: /)
      expect(message).not.toContain(secret)
    })
  )

  for (const text of ["", "null", "5", '"text"', `{"providerConfig":"${secret}"`]) {
    it.effect(`${JSON.stringify(text)} is no configuration`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Beego.options(text))
        expect([error.reason, error.message]).toEqual([
          "InvalidConfig",
          "beego's session config: expected a JSON object in the form of session.ManagerConfig"
        ])
      })
    )
  }
})

const maxLifetime = Duration.hours(1)

const given = (providerConfig: string) => ({ providerConfig, maxLifetime, cookieName: "gosessionid" })

/** What the provider's layer is given, secrets in the open. */
const options = (provider: string, providerConfig: string) =>
  Effect.map(
    providers[provider]!(given(providerConfig)),
    (loading): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(loading.options).map(([name, value]) => [
          name,
          Redacted.isRedacted(value) ? Redacted.value(value) : value
        ])
      )
  )

const redisJson = { save_path: "127.0.0.1:6379", idle_timeout: "180s", idle_check_frequency: "1m.5s" }

const sealed = { securityKey: "key", blockKey: "sixteen bytes...", securityName: "app", cookieName: "gosessionid" }

describe("a provider's string", () => {
  const cases: ReadonlyArray<readonly [provider: string, providerConfig: string, options: object]> = [
    ["memory", "anything", {}],
    ["file", "./tmp", { directory: "./tmp", maxLifetime }],
    ["redis", "127.0.0.1:6379", { kind: "redis", url: "redis://127.0.0.1:6379" }],
    ["redis", "127.0.0.1:6379,100,,2", { kind: "redis", url: "redis://127.0.0.1:6379/2" }],
    ["redis", "host:6379,,p@ss;w/rd,0,180,60,3\n", { kind: "redis", url: "redis://:p%40ss%3Bw%2Frd@host:6379" }],
    ["redis", "[::1]:6379", { kind: "redis", url: "redis://[::1]:6379" }],
    ["redis", JSON.stringify(redisJson), { kind: "redis", url: "redis://127.0.0.1:6379" }],
    [
      "redis",
      ` ${JSON.stringify({ ...redisJson, PassWord: "a,b", poolsize: 10, db_num: 3, max_retries: -1 })}`,
      { kind: "redis", url: "redis://:a%2Cb@127.0.0.1:6379/3" }
    ],
    ["redis_cluster", "a:7000;b:7001,1000,pw", { kind: "redisCluster", url: "redis://:pw@a:7000,b:7001" }],
    [
      "redis_cluster",
      JSON.stringify({ ...redisJson, save_path: "a:7000;b:7001" }),
      { kind: "redisCluster", url: "redis://a:7000,b:7001" }
    ],
    [
      "redis_sentinel",
      "a:26379;b:26379,100,pw,1",
      { kind: "redisSentinel", url: "redis://:pw@a:26379,b:26379/1", masterName: "mymaster" }
    ],
    [
      "redis_sentinel",
      "a:26379,100,,0,main,180,60,3",
      { kind: "redisSentinel", url: "redis://a:26379", masterName: "main" }
    ],
    [
      "redis_sentinel",
      JSON.stringify({ ...redisJson, master_name: "main" }),
      { kind: "redisSentinel", url: "redis://127.0.0.1:6379", masterName: "main" }
    ],
    ["memcache", "a:11211;b:11211", { url: "a:11211;b:11211" }],
    ["mysql", "u:p@tcp(db:3307)/app?charset=utf8", { url: "mysql://u:p@db:3307/app", maxLifetime }],
    ["mysql", "u:p@tcp(db)/app", { url: "mysql://u:p@db:3306/app", maxLifetime }],
    ["mysql", "u@tcp/app", { url: "mysql://u@127.0.0.1:3306/app", maxLifetime }],
    ["mysql", "u:@/app", { url: "mysql://u@127.0.0.1:3306/app", maxLifetime }],
    [
      "mysql",
      "u:a:b/c@d@tcp([::1]:3306)/my%2Fapp",
      { url: "mysql://u:a%3Ab%2Fc%40d@[::1]:3306/my%2Fapp", maxLifetime }
    ],
    [
      "mysql",
      "u:p@unix(/run/mysqld.sock)/app",
      { url: "mysql://u:p@localhost/app?socketPath=%2Frun%2Fmysqld.sock", maxLifetime }
    ],
    ["couchbase", "http://db:8091/,default,app", { url: "couchbase://db/app" }],
    [
      "couchbase",
      JSON.stringify({ save_path: "https://u:p%40@db:18091", pool: "default", bucket: "app" }),
      { url: "couchbases://u:p%40@db/app" }
    ],
    ["ledis", "127.0.0.1:6380,3\n", { url: "redis://127.0.0.1:6380/3" }],
    ["ledis", JSON.stringify({ save_path: "db:6380" }), { url: "redis://db:6380/0" }],
    ["ssdb", "127.0.0.1:8888", { url: "127.0.0.1:8888" }],
    ["ssdb", JSON.stringify({ host: "db", port: 8888 }), { url: "db:8888" }],
    ["cookie", JSON.stringify(sealed), { ...sealed, maxLifetime }]
  ]
  for (const [provider, providerConfig, expected] of cases) {
    it.effect(`${provider}: ${providerConfig.trim()}`, () =>
      Effect.map(options(provider, providerConfig), (actual) => expect(actual).toEqual(expected))
    )
  }

  it.effect("cookie: its own secure and maxage are those of the cookie", () =>
    Effect.gen(function* () {
      const cookie = (more: object) =>
        Effect.map(providers["cookie"]!(given(JSON.stringify({ ...sealed, ...more }))), (loading) => loading.cookie)
      expect(yield* cookie({})).toEqual({ secure: false })
      expect(yield* cookie({ secure: true, maxage: 60 })).toEqual({ secure: true, maxAge: Duration.minutes(1) })
    })
  )
})

/** What our clients make of a URL, with their own parsers. */
const require = createRequire(createRequire(import.meta.url).resolve("@effect/sql-pg/package.json"))
const parsePostgres: (url: string) => Record<string, unknown> = require("pg-connection-string").parse
const { parseUrl: parseMysql } = createRequire(createRequire(import.meta.url).resolve("mysql2/package.json"))(
  "./lib/connection_config.js"
) as { readonly parseUrl: (url: string) => Record<string, unknown> }

const postgres = (dsn: string) =>
  Effect.map(options("postgresql", dsn), ({ url }) => {
    const { database, host, options, password, port, ssl, user } = parsePostgres(String(url))
    return { user, password, host, port, database, ssl, ...(options === undefined ? {} : { options }) }
  })

const mysql = (dsn: string) => Effect.map(options("mysql", dsn), ({ url }) => parseMysql(String(url)))

const redis = (provider: string, text: string) =>
  Effect.flatMap(options(provider, text), ({ url }) =>
    Effect.map(addresses(String(url), 6379, provider !== "redis"), ({ servers, shared }) => ({
      ...servers[0]!,
      ...shared
    }))
  )

describe("postgresql: what lib/pq would do", () => {
  const server = { user: "u", password: "p", host: "db", port: "5433", database: "app" }
  const unverified = { rejectUnauthorized: false }
  const cases: ReadonlyArray<readonly [dsn: string, expected: object]> = [
    ["user=u password=p host=db port=5433 dbname=app sslmode=disable", { ...server, ssl: false }],
    ["postgres://u:p@db:5433/app?sslmode=disable", { ...server, ssl: false }],
    ["postgresql://u:p@db:5433/app?sslmode=verify-full", { ...server, ssl: {} }],
    // Without an sslmode lib/pq insists on TLS, and does not look at the certificate.
    ["user=u password=p host=db port=5433 dbname=app", { ...server, ssl: unverified }],
    ["postgres://u:p@db:5433/app?sslmode=require", { ...server, ssl: unverified }],
    [
      "user = u password='p q\\'s \\\\' host=::1 port=5433 dbname=app sslmode=disable",
      { ...server, password: "p q's \\", host: "::1", ssl: false }
    ],
    ["user=u password=a\\ b host=db port=5433 dbname=app sslmode=disable", { ...server, password: "a b", ssl: false }],
    [
      "user=u host=/run/postgresql",
      { user: "u", password: "", host: "/run/postgresql", port: "5432", database: "u", ssl: false }
    ],
    // What lib/pq does not know are settings of the session: this one chooses the table.
    [
      "user=u password=p host=db port=5433 dbname=app sslmode=disable search_path='app, public' connect_timeout=5",
      { ...server, ssl: false, options: "-c search_path=app,\\ public" }
    ],
    [
      "postgres://u:p@db:5433/app?sslmode=disable&options=-c%20geqo%3Doff&search_path=app",
      { ...server, ssl: false, options: "-c geqo=off -c search_path=app" }
    ]
  ]
  for (const [dsn, expected] of cases) {
    it.effect(dsn, () => Effect.map(postgres(dsn), (actual) => expect(actual).toEqual(expected)))
  }
})

describe("mysql: what go-sql-driver would do", () => {
  for (const [tls, ssl] of [
    ["false", undefined],
    ["true", { rejectUnauthorized: true, verifyIdentity: true }],
    ["skip-verify", { rejectUnauthorized: false }]
  ] as const) {
    it.effect(`tls=${tls}`, () =>
      Effect.map(mysql(`u:p@tcp(db:3306)/app?parseTime=true&tls=${tls}`), (parsed) =>
        expect(parsed).toEqual({
          host: "db",
          port: 3306,
          user: "u",
          password: "p",
          database: "app",
          ...(ssl === undefined ? {} : { ssl })
        })
      )
    )
  }
})

describe("a password survives", () => {
  /** Any text; half of a surrogate pair, which is no text to Go either, becomes U+FFFD there. */
  const text = FastCheck.oneof(
    FastCheck.fullUnicodeString(),
    FastCheck.string16bits(),
    FastCheck.stringOf(FastCheck.constantFrom(..."@:/?#[]%,;'\"\\ +&=(){}$!"))
  )
  const valid = (given: string) => Buffer.from(given).toString()
  const property = <A>(
    arbitrary: FastCheck.Arbitrary<string>,
    read: (password: string) => Effect.Effect<A, unknown>,
    expected: (password: string) => A
  ) =>
    FastCheck.assert(
      FastCheck.property(arbitrary, (password) => {
        expect(Effect.runSync(read(password))).toEqual(expected(password))
      }),
      { numRuns: soak(500, 5_000) }
    )
  const optional = (password: string) => (valid(password) === "" ? undefined : valid(password))

  it("redis, in a list: where it has no comma, as beego says", () =>
    property(
      text.filter((password) => !password.includes(",")),
      (password) => Effect.map(redis("redis", `db:6379,100,${password},0`), (address) => address.password),
      optional
    ))

  for (const provider of ["redis", "redis_cluster", "redis_sentinel"]) {
    const more = provider === "redis_sentinel" ? { master_name: "main" } : {}
    it(`${provider}, in JSON`, () =>
      property(
        text,
        (password) =>
          Effect.map(
            redis(provider, JSON.stringify({ ...redisJson, ...more, password })),
            (address) => address.password
          ),
        optional
      ))
  }

  it("mysql", () =>
    property(
      text,
      (password) => Effect.map(mysql(`user:${password}@tcp(db:3306)/app`), (parsed) => parsed["password"]),
      valid
    ))

  it("postgresql, as key=value", () =>
    property(
      text,
      (password) =>
        Effect.map(
          postgres(`user=u host=db password='${password.replace(/['\\]/g, "\\$&")}' sslmode=disable`),
          (parsed) => parsed.password
        ),
      valid
    ))

  it("postgresql, in a URL", () =>
    property(
      text.filter((password) => valid(password) === password),
      (password) =>
        Effect.map(
          postgres(`postgres://u:${encodeURIComponent(password)}@db/app?sslmode=disable`),
          (parsed) => parsed.password
        ),
      (password) => password
    ))
})

describe("a wrong string is an error that names the part, and no secret", () => {
  const cases: ReadonlyArray<readonly [provider: string, providerConfig: string, part: RegExp]> = [
    ["file", "", /expected the directory/],
    ["redis", "", /the address: expected host:port/],
    ["redis", `127.0.0.1,100,${secret}`, /the address: expected host:port/],
    ["redis", `127.0.0.1:66000,100,${secret}`, /the address: expected host:port/],
    ["redis", `redis://:${secret}@127.0.0.1:6379`, /the address: expected host:port/],
    ["redis", `127.0.0.1:6379;127.0.0.1:6380,100,${secret}`, /the address: expected host:port/],
    ["redis", `127.0.0.1:6379,many,${secret}`, /the 2nd part, the pool's size/],
    // With a comma in the password, its rest is taken for the database.
    ["redis", `127.0.0.1:6379,100,my,${secret}`, /the 4th part, the database.*password cannot hold a comma/],
    ["redis", `127.0.0.1:6379,100,${secret}, 2`, /the 4th part, the database/],
    ["redis", `127.0.0.1:6379,100,${secret},0,180,60,3,9`, /the last parts/],
    ["redis", `{"password":"${secret}"`, /it is not a JSON object/],
    ["redis", JSON.stringify({ password: secret }), /save_path: .*idle_timeout: .*idle_check_frequency: /],
    ["redis", JSON.stringify({ ...redisJson, password: [secret] }), /password: it is missing, or not of the kind/],
    [
      "redis",
      JSON.stringify({ ...redisJson, idle_timeout: secret }),
      /idle_timeout: it is missing, or not of the kind/
    ],
    ["redis", JSON.stringify({ ...redisJson, idle_timeout: "." }), /idle_timeout: /],
    ["redis", JSON.stringify({ ...redisJson, username: secret }), /username: beego knows no such option/],
    ["redis_cluster", `a:7000,b:7001,${secret}`, /the 2nd part/],
    ["redis_cluster", `a:7000,,${secret},1`, /a cluster has no database but 0/],
    ["redis_sentinel", `a:26379,,${secret},0,main,1,2,3,4`, /the last parts/],
    ["redis_sentinel", JSON.stringify({ ...redisJson, password: secret }), /master_name: /],
    ["mysql", "", /user:password@tcp\(host:port\)\/database/],
    ["mysql", `mysql://u:${secret}@db:3306/app`, /user:password@tcp\(host:port\)\/database/],
    ["mysql", `u:${secret}@db:3306/app`, /user:password@tcp\(host:port\)\/database/],
    ["mysql", `u:${secret}@udp(db:3306)/app`, /user:password@tcp\(host:port\)\/database/],
    ["mysql", `u:${secret}@tcp(db:3306/app`, /user:password@tcp\(host:port\)\/database/],
    ["mysql", `u:${secret}@tcp(db:port)/app`, /the address: expected host:port/],
    ["mysql", "tcp(db:3306)/app", /the user is missing/],
    ["mysql", `u:${secret}@tcp(db:3306)/`, /the database is missing/],
    ["mysql", `u:${secret}@tcp(db:3306)/%zz`, /user:password@tcp\(host:port\)\/database/],
    ["mysql", `u:${secret}@tcp(db:3306)/app?tls=custom`, /tls: expected true, skip-verify or false/],
    ["postgresql", "", /key=value pairs/],
    ["postgresql", secret, /key=value pairs/],
    ["postgresql", `user=u password='${secret}`, /key=value pairs/],
    ["postgresql", `postgres://u:${secret}@db:port/app`, /postgres:\/\/user:password@host\/database/],
    ["postgresql", `postgres://u:${secret}@[db/app`, /postgres:\/\/user:password@host\/database/],
    ["postgresql", `password=${secret} dbname=app`, /user: it is missing/],
    ["postgresql", `user=u password=${secret} port=many`, /port: expected a number/],
    [
      "postgresql",
      `user=u password=${secret} sslmode=prefer`,
      /sslmode: expected disable, require, verify-ca or verify/
    ],
    ["postgresql", `user=u password=${secret} sslmode=verify-ca`, /sslrootcert: it is missing/],
    ["postgresql", `user=u password=${secret} sslinline=true`, /sslinline: /],
    ["postgresql", `user=u password=${secret} dbname=a?b`, /dbname: /],
    ["couchbase", `http://u:${secret}@db:8092/,default,app`, /the 1st part: expected http/],
    ["couchbase", `http://u:${secret}@db:8091/, default, app`, /the 2nd part/],
    ["couchbase", `http://u:${secret}@db:8091/,default`, /the 3rd part, the bucket, is missing/],
    ["couchbase", `http://u:p@db:8091/,default,app,${secret}`, /expected three parts/],
    ["couchbase", JSON.stringify({ save_path: "http://db", bucket: "app" }), /pool: it is missing/],
    ["ledis", "./data,3", /the 1st part: .*run ledis-server on that directory/],
    // As beego's documentation has it.
    ["ledis", "127.0.0.1:6380,100", /the 2nd part, the database: expected 0 to 15/],
    ["ledis", "127.0.0.1:6380,", /the 2nd part, the database: expected 0 to 15/],
    ["ledis", `127.0.0.1:6380,1,${secret}`, /expected two parts/],
    ["ssdb", "127.0.0.1", /the address: expected host:port/],
    ["ssdb", "::1:8888", /the address: expected host:port/],
    ["ssdb", JSON.stringify({ host: "db" }), /port: it is missing/],
    ["cookie", "", /it is not a JSON object/],
    ["cookie", JSON.stringify({ ...sealed, blockKey: 5 }), /blockkey: /],
    ["cookie", JSON.stringify({ ...sealed, cookieName: "other" }), /cookieName: expected the same/],
    ["cookie", JSON.stringify({ ...sealed, maxAge: 5, key: secret }), /key: beego knows no such option/]
  ]
  for (const [provider, providerConfig, part] of cases) {
    it.effect(`${provider}: ${providerConfig}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(providers[provider]!(given(providerConfig)))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toMatch(/^providerConfig: /)
        expect(error.message).toMatch(part)
        expect(error.message).not.toContain(secret)
      })
    )
  }
})

describe("any string", () => {
  const valid = [
    `127.0.0.1:6379,100,${secret},2,180,60,3`,
    JSON.stringify({ ...redisJson, password: secret, master_name: "main" }),
    `u:${secret}@tcp(127.0.0.1:3306)/app?tls=true`,
    `postgres://u:${secret}@db:5433/app?sslmode=disable`,
    `user=u password='${secret}' host=db`,
    JSON.stringify({ ...sealed, securityKey: secret })
  ]
  /** A valid one, with some of it in other places. */
  const shuffled = FastCheck.tuple(FastCheck.constantFrom(...valid), FastCheck.array(FastCheck.nat(120))).map(
    ([text, places]) =>
      places.reduce((text, at, i) => text.slice(0, at) + text.slice(at + (i % 3)) + text.charAt(at), text)
  )

  for (const provider of Object.keys(providers)) {
    it(`${provider}: options, or an error that tells no secret`, () =>
      FastCheck.assert(
        FastCheck.property(FastCheck.oneof(FastCheck.string16bits(), shuffled), (text) => {
          const result = Effect.runSync(Effect.result(providers[provider]!(given(text))))
          if (Result.isFailure(result)) {
            expect(errorOf(result).reason).toBe("InvalidConfig")
            expect(errorOf(result).message).not.toContain(secret)
          }
        }),
        { numRuns: soak(500, 5_000) }
      ))
  }
})

describe("Beego.layer", () => {
  const build = (...args: Parameters<typeof Beego.layer>) =>
    Effect.provide(SessionManager.SessionManager, Beego.layer(...args))

  it.effect("is a manager over the provider, with beego's options and then one's own", () =>
    Effect.gen(function* () {
      const { backend, config } = yield* build("memory", documented, {
        idleTimeout: "5 minutes",
        id: { prefix: "ts-" },
        cookie: { sameSite: "strict" }
      })
      expect(backend).toBe("memory")
      expect(config.idleTimeout).toEqual(Duration.minutes(5))
      expect(config.id).toMatchObject({ bytes: 16, encoding: "hex", prefix: "ts-" })
      expect(config.cookie).toMatchObject({ name: "gosessionid", sameSite: "strict", secure: false })
    }).pipe(Effect.scoped)
  )

  it.effect("takes the attributes of a sealed cookie from its provider", () =>
    Effect.gen(function* () {
      const providerConfig = JSON.stringify({ ...sealed, secure: true, maxage: 60 })
      const { backend, config } = yield* build("cookie", { ...documented, providerConfig })
      expect(backend).toBe("cookie")
      expect(config.cookie).toMatchObject({ secure: true, maxAge: Duration.minutes(1) })
    }).pipe(Effect.scoped)
  )

  for (const [provider, config, message] of [
    ["redsi", documented, /unknown provider "redsi": expected one of memory, file, /],
    ["__proto__", documented, /unknown provider "__proto__"/],
    ["redis", { ...documented, gclifetime: 0 }, /^gclifetime: /],
    ["redis", { ...documented, providerConfig: `nowhere,100,${secret}` }, /^providerConfig: the address/],
    [
      "mysql",
      { ...documented, sessionIDLength: 32, sessionIDPrefix: "a", providerConfig: `u:${secret}@/app` },
      /^sessionIDLength, sessionIDPrefix: together they make ids of 65 characters, mysql has room for 64/
    ],
    [
      "postgresql",
      { ...documented, sessionIDLength: 33, providerConfig: `user=u password=${secret}` },
      /^sessionIDLength, sessionIDPrefix: together they make ids of 66 characters, postgresql has room for 64/
    ],
    [
      "file",
      { ...documented, sessionIDLength: 65, providerConfig: "./tmp" },
      /^sessionIDLength, sessionIDPrefix: together they make ids of 130 characters, file has room for 128/
    ],
    [
      "ssdb",
      { ...documented, sessionIDLength: 96, providerConfig: "127.0.0.1:8888" },
      /^sessionIDLength, sessionIDPrefix: together they make ids of 192 characters, ssdb has room for 190/
    ],
    ["memcache", { ...documented, providerConfig: "a:1,b:2" }, /^providerConfig: .*separated by semicolons/],
    [
      "cookie",
      { ...documented, providerConfig: JSON.stringify({ ...sealed, securityKey: "" }) },
      /securityKey: it is empty/
    ]
  ] as const) {
    it.effect(`${provider} ${message.source} is refused`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Beego.layer(provider, config))))
        expect(error).toMatchObject({ reason: "InvalidConfig" })
        expect(String((error as { readonly message: string }).message)).toMatch(message)
        expect(String((error as { readonly message: string }).message)).not.toContain(secret)
      })
    )
  }
})
