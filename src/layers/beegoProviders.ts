/**
 * beego's providers by name, each with the `providerConfig` that beego v2.3.5 gives it: an address, a list with commas, or JSON. What
 * beego ignores without a word, or panics on, is an error; no message repeats what was given, since it may hold a password.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { SessionError } from "../SessionError.js"
import type { ProviderLayer } from "./backends.js"

/** What a provider is given besides its own string. */
export interface Given {
  readonly providerConfig: string
  readonly maxLifetime: Duration.Duration
  readonly cookieName: string
}

const invalid = (message: string): Effect.Effect<never, SessionError> =>
  new SessionError({ reason: "InvalidConfig", message: `providerConfig: ${message}` })

/** A provider, loaded when the layer is built, and the attributes of its cookie where they are the provider's and not the manager's. */
export interface Loading {
  readonly load: () => Promise<ProviderLayer>
  readonly cookie?: { readonly secure: boolean; readonly maxAge?: Duration.Duration } | undefined
}

const load = (load: Loading["load"], cookie?: Loading["cookie"]): Loading => ({ load, cookie })

/** The JSON that some providers take, with names that match whatever their case, as in Go. */
const json = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = ParseResult.decodeUnknownEither(schema, { errors: "all", onExcessProperty: "error" })
  return (text: string): Effect.Effect<A, SessionError> => {
    const parsed = Either.try((): unknown => JSON.parse(text))
    if (Either.isLeft(parsed) || typeof parsed.right !== "object" || parsed.right === null) {
      return invalid("it is not a JSON object")
    }
    const decoded = decode(
      Object.fromEntries(Object.entries(parsed.right).map(([name, value]) => [name.toLowerCase(), value]))
    )
    return Either.isRight(decoded)
      ? Effect.succeed(decoded.right)
      : invalid(
          ParseResult.ArrayFormatter.formatIssueSync(decoded.left)
            .map(({ _tag, path }) =>
              _tag === "Unexpected"
                ? `${path.join(".")}: beego knows no such option, and ignores it`
                : `${path.join(".")}: it is missing, or not of the kind that beego expects`
            )
            .join("; ")
        )
  }
}

const isJson = (text: string): boolean => text.trim().startsWith("{")

const optional = <A, I>(schema: Schema.Schema<A, I>, value: () => A) => Schema.optionalWith(schema, { default: value })

/** A Go duration; both are required, since beego refuses to start without (`time: invalid duration ""`). */
const goDuration = Schema.String.pipe(Schema.pattern(/^(0|([\d.]+(ns|us|µs|ms|s|m|h))+)$/))

const redisJson = Schema.Struct({
  save_path: Schema.NonEmptyString,
  poolsize: optional(Schema.Int, () => 0),
  password: optional(Schema.String, () => ""),
  idle_timeout: goDuration,
  idle_check_frequency: goDuration,
  max_retries: optional(Schema.Int, () => 0),
  db_num: optional(Schema.NonNegativeInt, () => 0)
})

const sentinelJson = Schema.Struct({ ...redisJson.fields, master_name: Schema.NonEmptyString })

interface RedisServers {
  readonly addresses: ReadonlyArray<string>
  readonly password: string
  readonly db: number
  readonly masterName: string
}

/** `addr,pool,password,db,idle,check,retries`; a sentinel's fifth is the name of the master. */
const redisList = (
  text: string,
  separator: string | undefined,
  hasMaster: boolean
): Effect.Effect<RedisServers, SessionError> => {
  const [addresses = "", pool = "", password = "", db = "", ...rest] = text.split(",").map((part) => part.trim())
  const [masterName, ...times] = hasMaster ? [rest[0] || "mymaster", ...rest.slice(1)] : ["", ...rest]
  const wrong = [
    ...(/^\d*$/.test(pool) ? [] : ["the 2nd part, the pool's size, is no number"]),
    ...(/^\d*$/.test(db) ? [] : ["the 4th part, the database, is no number"]),
    ...(times.every((time) => /^\d*$/.test(time)) && times.length <= 3
      ? []
      : ["the last parts are no numbers, or too many"])
  ]
  return wrong.length > 0
    ? invalid(`${wrong.join("; ")}: beego ignores that (a password cannot hold a comma)`)
    : Effect.succeed({
        addresses: separator === undefined ? [addresses] : addresses.split(separator),
        password,
        db: Number(db),
        masterName
      })
}

const redisUrl = ({ addresses, db, password }: RedisServers): Effect.Effect<string, SessionError> =>
  addresses.every((part) => address.test(part))
    ? Effect.succeed(
        `redis://${password === "" ? "" : `:${encodeURIComponent(password)}@`}${addresses.join(",")}${db === 0 ? "" : `/${db}`}`
      )
    : invalid("the address: expected host:port")

const redisFamily = <const Kind extends "redis" | "redis_cluster" | "redis_sentinel">(kind: Kind) => {
  const separator = kind === "redis" ? undefined : ";"
  const decodeJson = kind === "redis_sentinel" ? json(sentinelJson) : json(redisJson)
  return ({ providerConfig }: Given): Effect.Effect<Loading, SessionError> =>
    Effect.flatMap(
      isJson(providerConfig)
        ? Effect.map(
            decodeJson(providerConfig),
            ({ db_num, password, save_path, ...rest }): RedisServers => ({
              addresses: separator === undefined ? [save_path] : save_path.split(separator),
              password,
              db: db_num,
              masterName: "master_name" in rest ? String(rest.master_name) : ""
            })
          )
        : redisList(providerConfig, separator, kind === "redis_sentinel"),
      (servers) =>
        kind === "redis_cluster" && servers.db !== 0
          ? invalid("a cluster has no database but 0: beego ignores the other")
          : Effect.map(redisUrl(servers), (url) =>
              load(() =>
                import("../Provider/beego/redis.js").then(({ layer }) =>
                  layer(
                    kind === "redis_sentinel"
                      ? { kind, url, masterName: servers.masterName }
                      : { kind: kind as "redis" | "redis_cluster", url }
                  )
                )
              )
            )
    )
}

/** `user:password@tcp(host:port)/database?parameters`, the DSN of go-sql-driver/mysql. */
const mysqlUrl = (dsn: string): Effect.Effect<string, SessionError> => {
  const parts =
    /^(?:(?<user>[^:@]*)(?::(?<password>.*))?@)?(?:tcp(?:\((?<address>[^)]*)\))?)?\/(?<database>[^?]*)(?:\?.*)?$/s.exec(
      dsn
    )?.groups
  if (parts === undefined) {
    return invalid("expected user:password@tcp(host:port)/database (a unix socket is not supported)")
  }
  const { address = "127.0.0.1:3306", database = "", password, user = "root" } = parts
  const host = address.includes(":") ? address : `${address}:3306`
  const secret = password === undefined ? "" : `:${encodeURIComponent(password)}`
  return Effect.succeed(`mysql://${encodeURIComponent(user)}${secret}@${host}/${database}`)
}

/** lib/pq takes a URL, or `key=value` pairs with values in single quotes where they hold spaces. */
const postgresUrl = (dsn: string): Effect.Effect<string, SessionError> => {
  if (/^postgres(ql)?:\/\//.test(dsn)) {
    return Effect.succeed(dsn)
  }
  const pairs = new Map<string, string>()
  const rest = dsn.replace(
    /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))/g,
    (_, key: string, quoted: string | undefined, plain: string | undefined) => {
      pairs.set(key, quoted === undefined ? (plain ?? "") : quoted.replace(/\\(.)/g, "$1"))
      return ""
    }
  )
  if (rest.trim() !== "" || pairs.size === 0) {
    return invalid("expected postgres://user:password@host/database, or key=value pairs")
  }
  const {
    dbname = "",
    host = "localhost",
    password,
    port = "5432",
    user = "postgres",
    ...others
  } = Object.fromEntries(pairs)
  const secret = password === undefined ? "" : `:${encodeURIComponent(password)}`
  const { sslmode } = others
  return Effect.succeed(
    `postgres://${encodeURIComponent(user)}${secret}@${host}:${port}/${encodeURIComponent(dbname || user)}${sslmode === undefined ? "" : `?sslmode=${sslmode}`}`
  )
}

const address = /^[^\s/@:,]+:\d{1,5}$/

const couchbaseJson = json(
  Schema.Struct({ save_path: Schema.String, pool: Schema.String, bucket: Schema.NonEmptyString })
)

/** `url,pool,bucket`, with the `http` URL of a node's console, by which go-couchbase asks for the others. */
const couchbaseUrl = (text: string): Effect.Effect<string, SessionError> =>
  Effect.flatMap(
    isJson(text)
      ? couchbaseJson(text)
      : Effect.sync(() => {
          const [save_path = "", pool = "", bucket = ""] = text.split(",")
          return { save_path, pool, bucket }
        }),
    ({ bucket, pool, save_path }) => {
      const [, secure, user, host, port] =
        /^http(s)?:\/\/(?:([^@/]*@))?([^@/:,\s]+)(?::(\d+))?\/?$/.exec(save_path) ?? []
      return host === undefined || (port !== undefined && port !== (secure === undefined ? "8091" : "18091"))
        ? invalid("the 1st part: expected http://user:password@host:8091/ (beego keeps spaces: write none)")
        : pool !== "default"
          ? invalid("the 2nd part: Couchbase has one pool, which is called default")
          : bucket === ""
            ? invalid("the 3rd part, the bucket, is missing")
            : Effect.succeed(`couchbase${secure ?? ""}://${user ?? ""}${host}/${encodeURIComponent(bucket)}`)
    }
  )

const ledisJson = json(Schema.Struct({ save_path: Schema.String, db: optional(Schema.NonNegativeInt, () => 0) }))

/** `directory,db`: with the address of a server in place of the directory. */
const ledisUrl = (text: string): Effect.Effect<string, SessionError> =>
  Effect.flatMap(
    isJson(text)
      ? ledisJson(text)
      : Effect.sync(() => {
          const [save_path = "", db = "0"] = text.split(",")
          return { save_path, db: Number(db) }
        }),
    ({ db, save_path }) =>
      !address.test(save_path)
        ? invalid(
            "the 1st part: beego has LedisDB in its own process, and no other can open its directory; run ledis-server on that directory, and write its address, host:port, here"
          )
        : !Number.isInteger(db) || db < 0 || db > 15
          ? invalid("the 2nd part, the database: expected 0 to 15; beego cannot open another")
          : Effect.succeed(`redis://${save_path}/${db}`)
  )

const ssdbJson = json(Schema.Struct({ host: Schema.NonEmptyString, port: Schema.Int }))

const ssdbUrl = (text: string): Effect.Effect<string, SessionError> =>
  Effect.flatMap(
    isJson(text) ? Effect.map(ssdbJson(text), ({ host, port }) => `${host}:${port}`) : Effect.succeed(text),
    (url) => (address.test(url) ? Effect.succeed(url) : invalid("expected host:port"))
  )

const cookieJson = json(
  Schema.Struct({
    securitykey: optional(Schema.String, () => ""),
    blockkey: optional(Schema.String, () => ""),
    securityname: optional(Schema.String, () => ""),
    cookiename: optional(Schema.String, () => ""),
    secure: optional(Schema.Boolean, () => false),
    maxage: optional(Schema.Int, () => 0)
  })
)

/** The providers. Each reads its string at once, and loads its driver when the layer is built. */
export const providers: Readonly<Record<string, (given: Given) => Effect.Effect<Loading, SessionError>>> = {
  memory: () => Effect.succeed(load(() => import("../Provider/Memory.js").then(({ layer }) => layer()))),
  file: ({ maxLifetime, providerConfig }) =>
    providerConfig === ""
      ? invalid("expected the directory; beego takes the one that it was started in")
      : Effect.succeed(
          load(() =>
            import("../Provider/beego/file.js").then(({ layer }) => layer({ directory: providerConfig, maxLifetime }))
          )
        ),
  cookie: ({ cookieName, maxLifetime, providerConfig }) =>
    Effect.flatMap(cookieJson(providerConfig), ({ blockkey, cookiename, maxage, secure, securitykey, securityname }) =>
      cookiename !== cookieName
        ? invalid("cookieName: expected the same as that of the session config: beego sends two cookies else")
        : Effect.succeed(
            load(
              () =>
                import("../Provider/beego/cookie.js").then(({ layer }) =>
                  layer({
                    securityKey: Redacted.make(securitykey),
                    blockKey: Redacted.make(blockkey),
                    securityName: securityname,
                    cookieName,
                    maxLifetime
                  })
                ),
              { secure, ...(maxage > 0 ? { maxAge: Duration.seconds(maxage) } : {}) }
            )
          )
    ),
  redis: redisFamily("redis"),
  redis_cluster: redisFamily("redis_cluster"),
  redis_sentinel: redisFamily("redis_sentinel"),
  memcache: ({ providerConfig }) =>
    Effect.succeed(
      load(() => import("../Provider/beego/memcached.js").then(({ layer }) => layer({ url: providerConfig })))
    ),
  mysql: ({ maxLifetime, providerConfig }) =>
    Effect.map(mysqlUrl(providerConfig), (url) =>
      load(() =>
        import("../Provider/beego/mysql.js").then(({ layer }) => layer({ url: Redacted.make(url), maxLifetime }))
      )
    ),
  postgresql: ({ maxLifetime, providerConfig }) =>
    Effect.map(postgresUrl(providerConfig), (url) =>
      load(() =>
        import("../Provider/beego/postgresql.js").then(({ layer }) => layer({ url: Redacted.make(url), maxLifetime }))
      )
    ),
  couchbase: ({ providerConfig }) =>
    Effect.map(couchbaseUrl(providerConfig), (url) =>
      load(() => import("../Provider/beego/couchbase.js").then(({ layer }) => layer({ url: Redacted.make(url) })))
    ),
  ledis: ({ providerConfig }) =>
    Effect.map(ledisUrl(providerConfig), (url) =>
      load(() => import("../Provider/beego/ledis.js").then(({ layer }) => layer({ url })))
    ),
  ssdb: ({ providerConfig }) =>
    Effect.map(ssdbUrl(providerConfig), (url) =>
      load(() => import("../Provider/beego/ssdb.js").then(({ layer }) => layer({ url })))
    )
}
