/**
 * beego's providers by name, each with the `providerConfig` that beego v2.3.5 gives it: an address, a list with commas,
 * or JSON. Any setting that beego ignores without a message, or panics on, is an error. No message repeats the
 * `providerConfig`, since it may hold a password.
 */
import { matching, withDefault } from "#dialect/schema"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"
import type { Backend } from "../layers/compose.js"
import type { SessionError } from "../SessionError.js"
import type { Given } from "./config.js"
import { goJson } from "./goJson.js"
import { couchbaseUrl, invalid, ledisUrl, mysqlUrl, postgresUrl, type RedisServers, redisUrl, ssdbUrl } from "./urls.js"

/** A provider that is loaded when the layer is built. */
export interface Loading {
  /** The arguments of its layer. */
  readonly options: object
  readonly load: () => Promise<Backend<SessionError>>
  /** The attributes of its cookie, if the provider and not the manager chooses them. */
  readonly cookie?: { readonly secure: boolean; readonly maxAge?: Duration.Duration } | undefined
  /** The longest id that it can store, in characters. */
  readonly maxIdLength?: number | undefined
}

const loading = <Options extends object>(
  options: Options,
  load: (options: Options) => Promise<Backend<SessionError>>,
  more: Pick<Loading, "cookie" | "maxIdLength"> = {}
): Loading => ({ options, load: () => load(options), ...more })

/** Parses the JSON that some providers take. No error repeats a value. */
const json = <A, I>(schema: Schema.Codec<A, I>) => {
  const decode = goJson(schema, "it is not a JSON object", () => "it is missing, or not of the kind that beego expects")
  return (text: string): Effect.Effect<A, SessionError> => Effect.catch(Effect.fromResult(decode(text)), invalid)
}

const isJson = (text: string): boolean => text.trim().startsWith("{")

const optional = <A, I>(schema: Schema.Codec<A, I>, value: () => A) => withDefault(schema, value)

/** A Go duration. Both fields are required, since beego refuses to start without them (`time: invalid duration ""`). */
const goDuration = Schema.String.pipe(matching(/^[-+]?(0|((\d+\.?\d*|\.\d+)(ns|us|[µμ]s|ms|s|m|h))+)$/))

const redisJson = Schema.Struct({
  save_path: Schema.NonEmptyString,
  poolsize: optional(Schema.Int, () => 0),
  password: optional(Schema.String, () => ""),
  idle_timeout: goDuration,
  idle_check_frequency: goDuration,
  max_retries: optional(Schema.Int, () => 0),
  db_num: optional(Schema.Natural, () => 0)
})

const sentinelJson = Schema.Struct({ ...redisJson.fields, master_name: Schema.NonEmptyString })

/**
 * Parses `addr,pool,password,db,idle,check,retries`; the fifth part of a sentinel's list is the name of the master. As
 * in beego, no part is trimmed: a password may begin with a space.
 */
const redisList = (
  text: string,
  separator: string | undefined,
  hasMaster: boolean
): Effect.Effect<RedisServers, SessionError> => {
  const [addresses = "", pool = "", password = "", db = "", ...rest] = text.split(",")
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

const redisFamily = (kind: "redis" | "redisCluster" | "redisSentinel") => {
  const separator = kind === "redis" ? undefined : ";"
  const decodeJson = kind === "redisSentinel" ? json(sentinelJson) : json(redisJson)
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
        : redisList(providerConfig.trim(), separator, kind === "redisSentinel"),
      (servers) =>
        kind === "redisCluster" && servers.db !== 0
          ? invalid("a cluster has no database but 0: beego ignores the other")
          : Effect.map(redisUrl(servers), (url) =>
              loading(
                kind === "redisSentinel" ? { kind, url, masterName: servers.masterName } : { kind, url },
                (options) => import("./layouts/redis.js").then(({ layer }) => layer(options))
              )
            )
    )
}

const couchbaseJson = json(
  Schema.Struct({ save_path: Schema.String, pool: Schema.String, bucket: Schema.NonEmptyString })
)

/** Parses `url,pool,bucket`. */
const couchbaseList = (text: string) => {
  const [save_path = "", pool = "", bucket = "", ...more] = text.split(",")
  return more.length > 0
    ? invalid("expected three parts: beego ignores the others")
    : Effect.succeed({ save_path, pool, bucket })
}

const ledisJson = json(Schema.Struct({ save_path: Schema.String, db: optional(Schema.Int, () => 0) }))

/** Parses `directory,db`. */
const ledisList = (text: string) => {
  const [save_path = "", db = "0", ...more] = text.split(",")
  return more.length > 0
    ? invalid("expected two parts: beego ignores them all if there are more")
    : Effect.succeed({ save_path, db: /^\d+$/.test(db) ? Number(db) : Number.NaN })
}

const ssdbJson = json(Schema.Struct({ host: Schema.NonEmptyString, port: Schema.Int }))

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
  memory: () => Effect.succeed(loading({}, () => import("../Provider/Memory.js").then(({ layer }) => layer()))),
  file: ({ maxLifetime, providerConfig }) =>
    providerConfig === ""
      ? invalid("expected the directory; beego takes the one that it was started in")
      : Effect.succeed(
          loading(
            { directory: providerConfig, maxLifetime },
            (options) => import("./layouts/file.js").then(({ layer }) => layer(options)),
            { maxIdLength: 128 }
          )
        ),
  cookie: ({ cookieName, maxLifetime, providerConfig }) =>
    Effect.flatMap(cookieJson(providerConfig), ({ blockkey, cookiename, maxage, secure, securitykey, securityname }) =>
      cookiename !== cookieName
        ? invalid("cookieName: expected the same as that of the session config: otherwise beego sends two cookies")
        : Effect.succeed(
            loading(
              {
                securityKey: Redacted.make(securitykey),
                blockKey: Redacted.make(blockkey),
                securityName: securityname,
                cookieName,
                maxLifetime
              },
              (options) => import("./layouts/cookie.js").then(({ layer }) => layer(options)),
              { cookie: { secure, ...(maxage > 0 ? { maxAge: Duration.seconds(maxage) } : {}) } }
            )
          )
    ),
  redis: redisFamily("redis"),
  redis_cluster: redisFamily("redisCluster"),
  redis_sentinel: redisFamily("redisSentinel"),
  memcache: ({ providerConfig }) =>
    Effect.succeed(
      loading({ url: providerConfig }, (options) =>
        import("./layouts/memcached.js").then(({ layer }) => layer(options))
      )
    ),
  mysql: ({ maxLifetime, providerConfig }) =>
    Effect.map(mysqlUrl(providerConfig), (url) =>
      loading(
        { url: Redacted.make(url), maxLifetime },
        (options) => import("./layouts/mysql.js").then(({ layer }) => layer(options)),
        // CHAR(64)
        { maxIdLength: 64 }
      )
    ),
  postgresql: ({ maxLifetime, providerConfig }) =>
    Effect.map(postgresUrl(providerConfig), (url) =>
      loading(
        { url: Redacted.make(url), maxLifetime },
        (options) => import("./layouts/postgres.js").then(({ layer }) => layer(options)),
        // CHAR(64)
        { maxIdLength: 64 }
      )
    ),
  couchbase: ({ providerConfig }) =>
    Effect.map(
      Effect.flatMap(
        isJson(providerConfig) ? couchbaseJson(providerConfig) : couchbaseList(providerConfig.trim()),
        couchbaseUrl
      ),
      (url) =>
        loading({ url: Redacted.make(url) }, (options) =>
          import("./layouts/couchbase.js").then(({ layer }) => layer(options))
        )
    ),
  ledis: ({ providerConfig }) =>
    Effect.map(
      Effect.flatMap(isJson(providerConfig) ? ledisJson(providerConfig) : ledisList(providerConfig.trim()), ledisUrl),
      (url) => loading({ url }, (options) => import("./layouts/ledis.js").then(({ layer }) => layer(options)))
    ),
  ssdb: ({ providerConfig }) =>
    Effect.map(
      Effect.flatMap(
        isJson(providerConfig)
          ? Effect.map(ssdbJson(providerConfig), ({ host, port }) => `${host}:${port}`)
          : Effect.succeed(providerConfig.trim()),
        ssdbUrl
      ),
      (url) =>
        loading({ url }, (options) => import("./layouts/ssdb.js").then(({ layer }) => layer(options)), {
          maxIdLength: 190
        })
    )
}
