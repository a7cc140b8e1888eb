/**
 * Converts the addresses of Go's drivers to URLs with the same meaning for the clients here. No message repeats an
 * address, since it may hold a password.
 */
import * as Effect from "#effect/Effect"
import { SessionError } from "../SessionError.js"
import { firstProblem } from "./firstProblem.js"

export const invalid = (message: string): Effect.Effect<never, SessionError> =>
  new SessionError({ reason: "InvalidConfig", message: `providerConfig: ${message}` })

/** The servers of beego's redis providers. */
export interface RedisServers {
  readonly addresses: ReadonlyArray<string>
  readonly password: string
  readonly db: number
  readonly masterName: string
}

/** Escapes text for a URL. Half of a surrogate pair becomes U+FFFD, as in Go. */
const escape = (text: string): string => encodeURIComponent(Buffer.from(text).toString())

const unescape = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const isAddress = (text: string): boolean => {
  const port = /^(?:[^\s/@:,;?#[\]\\]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(text)?.[1]
  return port !== undefined && Number(port) < 2 ** 16
}

const badAddress = invalid("the address: expected host:port")

export const redisUrl = ({ addresses, db, password }: RedisServers): Effect.Effect<string, SessionError> =>
  addresses.every(isAddress)
    ? Effect.succeed(
        `redis://${password === "" ? "" : `:${escape(password)}@`}${addresses.join(",")}${db === 0 ? "" : `/${db}`}`
      )
    : badAddress

/**
 * Converts the `http` URL of a node's console, at which go-couchbase asks for the other nodes, with Couchbase's one
 * pool and a bucket.
 */
export const couchbaseUrl = ({
  bucket,
  pool,
  save_path
}: {
  readonly save_path: string
  readonly pool: string
  readonly bucket: string
}): Effect.Effect<string, SessionError> => {
  const [, secure = "", user = "", host, port] =
    /^http(s)?:\/\/(?:([^@/]*@))?([^@/:,\s]+)(?::(\d+))?\/?$/.exec(save_path) ?? []
  const expectedPort = secure === "" ? "8091" : "18091"
  const wrong = firstProblem([
    [
      host === undefined || (port !== undefined && port !== expectedPort),
      "the 1st part: expected http://user:password@host:8091/ (beego keeps spaces: write none)"
    ],
    [pool !== "default", "the 2nd part: Couchbase has one pool, which is called default"],
    [bucket === "", "the 3rd part, the bucket, is missing"]
  ])
  return wrong === undefined ? Effect.succeed(`couchbase${secure}://${user}${host}/${escape(bucket)}`) : invalid(wrong)
}

/** Takes a server's address in the place of beego's directory. */
export const ledisUrl = ({
  db,
  save_path
}: {
  readonly save_path: string
  readonly db: number
}): Effect.Effect<string, SessionError> => {
  const wrong = firstProblem([
    [
      !isAddress(save_path),
      "the 1st part: beego has LedisDB in its own process, and no other can open its directory; run ledis-server on that directory, and write its address, host:port, here"
    ],
    [!(db >= 0 && db <= 15), "the 2nd part, the database: expected 0 to 15; beego cannot open another"]
  ])
  return wrong === undefined ? Effect.succeed(`redis://${save_path}/${db}`) : invalid(wrong)
}

export const ssdbUrl = (address: string): Effect.Effect<string, SessionError> =>
  isAddress(address) ? Effect.succeed(address) : badAddress

/** The TLS options of mysql2, by go-sql-driver's names. */
const mysqlTls: Readonly<Record<string, object | undefined>> = {
  false: undefined,
  true: { rejectUnauthorized: true, verifyIdentity: true },
  "skip-verify": { rejectUnauthorized: false }
}

/**
 * Converts the DSN of go-sql-driver/mysql, `user:password@tcp(host:port)/database?parameters`, which is split as in
 * the driver (dsn.go): at the last slash, and the last `@` before it. Of the parameters only `tls` matters here; the
 * others concern only the Go driver.
 */
export const mysqlUrl = (dsn: string): Effect.Effect<string, SessionError> => {
  const slash = dsn.lastIndexOf("/")
  const at = dsn.slice(0, slash).lastIndexOf("@")
  const [, user = "", password = ""] = /^([^:]*):?(.*)$/s.exec(dsn.slice(0, Math.max(at, 0))) ?? []
  const net = /^(?:(|tcp|unix)|(tcp|unix)\((.*)\))$/s.exec(dsn.slice(at + 1, Math.max(slash, 0)))
  const [name = "", ...query] = dsn.slice(slash + 1).split("?")
  const database = unescape(name)
  const tls = new URLSearchParams(query.join("?")).get("tls") ?? "false"
  if (slash === -1 || net === null || database === undefined) {
    return invalid("expected user:password@tcp(host:port)/database, or unix(/path) in place of tcp(...)")
  }
  const wrong = firstProblem([
    [user === "", "the user is missing"],
    [database === "", "the database is missing"],
    [!Object.hasOwn(mysqlTls, tls), "tls: expected true, skip-verify or false"]
  ])
  if (wrong !== undefined) {
    return invalid(wrong)
  }
  const [, plain, named, address = ""] = net
  const isSocket = (plain ?? named) === "unix"
  const host = isSocket ? "localhost" : withPort(address || "127.0.0.1")
  const parameters = new URLSearchParams({
    ...(isSocket ? { socketPath: address || "/tmp/mysql.sock" } : {}),
    ...(mysqlTls[tls] === undefined ? {} : { ssl: JSON.stringify(mysqlTls[tls]) })
  }).toString()
  return isSocket || isAddress(host)
    ? Effect.succeed(
        `mysql://${escape(user)}${password === "" ? "" : `:${escape(password)}`}@${host}/${escape(database)}${parameters === "" ? "" : `?${parameters}`}`
      )
    : badAddress
}

const withPort = (address: string): string => (/:[^:\]]*$/.test(address) ? address : `${address}:3306`)

/** Parses `key=value` pairs as lib/pq does (conn.go): a backslash keeps the next character, quotes keep spaces. */
const pairsOf = (dsn: string): ReadonlyMap<string, string> | undefined => {
  const pairs = new Map<string, string>()
  const rest = dsn.replace(
    /\s*([^\s=']+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?!')(?:[^\s\\]|\\.)*))/gs,
    (_, key: string, quoted: string | undefined, plain: string | undefined) => {
      pairs.set(key, (quoted ?? plain ?? "").replace(/\\(.)/gs, "$1"))
      return ""
    }
  )
  return rest.trim() === "" && pairs.size > 0 ? pairs : undefined
}

/** Parses a URL into the same pairs (lib/pq's url.go). */
const pairsOfUrl = (url: string): ReadonlyMap<string, string> | undefined => {
  if (!URL.canParse(url)) {
    return undefined
  }
  const { hostname, password, pathname, port, searchParams, username } = new URL(url)
  const parts = [
    ["user", unescape(username)],
    ["password", unescape(password)],
    ["host", unescape(hostname.replace(/^\[(.*)\]$/, "$1"))],
    ["port", port],
    ["dbname", unescape(pathname.slice(1))]
  ] as const
  const pairs = new Map([...searchParams].filter(([, value]) => value !== ""))
  for (const [key, value] of parts) {
    if (value === undefined) {
      return undefined
    }
    if (value !== "") {
      pairs.set(key, value)
    }
  }
  return pairs
}

/** lib/pq's own settings (isDriverSetting): those that our client knows, and those that mean nothing to it. */
const certificates = ["sslcert", "sslkey", "sslrootcert"]
const driverSettings = [
  "connect_timeout",
  "fallback_application_name",
  "disable_prepared_binary_result",
  "binary_parameters"
]
const unknownSettings = ["sslinline", "krbsrvname", "krbspn"]

const sslModes = ["disable", "require", "verify-ca", "verify-full"]

/**
 * Converts a URL or pairs of lib/pq. All settings go into the URL's query, which can hold IPv6 addresses and sockets. A
 * setting that is not the driver's, such as `search_path`, is one of PostgreSQL's (libpq's `options`).
 */
export const postgresUrl = (dsn: string): Effect.Effect<string, SessionError> => {
  const pairs = /^postgres(ql)?:\/\//.test(dsn) ? pairsOfUrl(dsn) : pairsOf(dsn)
  if (pairs === undefined) {
    return invalid("expected postgres://user:password@host/database, or key=value pairs")
  }
  const {
    dbname,
    host = "localhost",
    options = "",
    password = "",
    port = "5432",
    sslmode: mode = "require",
    user = "",
    ...others
  } = Object.fromEntries(pairs)
  // As in lib/pq: TLS by default, but not through a socket.
  const sslmode = host.startsWith("/") ? "disable" : mode
  const database = dbname ?? user
  const wrong = firstProblem([
    [user === "", "user: it is missing"],
    [/[?#]/.test(database), "dbname: expected a name without ? and #"],
    [!/^\d{1,5}$/.test(port), "port: expected a number"],
    [!sslModes.includes(sslmode), `sslmode: expected ${sslModes.slice(0, -1).join(", ")} or ${sslModes.at(-1)}`],
    [
      sslmode === "verify-ca" && !("sslrootcert" in others),
      "sslrootcert: it is missing: name the file of the authority's certificate"
    ],
    ...unknownSettings.map((key) => [key in others, `${key}: this is not supported here`] as const)
  ])
  if (wrong !== undefined) {
    return invalid(wrong)
  }
  const settings = Object.entries(others).filter(
    ([key]) => !certificates.includes(key) && !driverSettings.includes(key)
  )
  const given = [options, ...settings.map(([key, value]) => `-c ${key}=${value.replace(/[\\\s]/g, "\\$&")}`)]
  const query = new URLSearchParams({
    host,
    port,
    user,
    ...(password === "" ? {} : { password }),
    sslmode,
    // Gives sslmode its meaning in lib/pq.
    uselibpqcompat: "true",
    ...Object.fromEntries(Object.entries(others).filter(([key]) => certificates.includes(key))),
    ...(given.join("") === "" ? {} : { options: given.filter((option) => option !== "").join(" ") })
  })
  return Effect.succeed(`postgres:///${encodeURI(Buffer.from(database).toString())}?${query}`)
}
