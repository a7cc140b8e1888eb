/**
 * Addresses of servers that speak the Redis protocol. A password stands in them as it is, or encoded as in a URL.
 */
import type { RedisOptions } from "ioredis"
import * as Effect from "#effect/Effect"
import type * as Redacted from "#effect/Redacted"
import { SessionError } from "../../SessionError.js"
import { decode, plain } from "../internal/environment.js"

export interface Address {
  readonly host: string
  readonly port: number
}

/** The servers of a URL, and the connection options that they share. */
export interface Addresses {
  /** One or more; none if there is a `path`. */
  readonly servers: ReadonlyArray<Address>
  /** The Unix socket of one server. */
  readonly path?: string | undefined
  readonly shared: Pick<RedisOptions, "username" | "password" | "db" | "tls">
}

interface Part {
  readonly scheme: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly server?: Address
  readonly path?: string
  readonly db: number | undefined
}

const serverForm = /^(?:\[([\da-f:.]+)\]|([^\s/?#:@[\]]+))(?::(\d{1,5}))?(?:\/(\d*))?$/i
const pathForm = /^(\/[^?#]+)(?:\?db=(\d+))?$/

const optional = (digits: string | undefined): number | undefined =>
  digits === undefined || digits === "" ? undefined : Number(digits)

/** Parses one address: `scheme://user:password@host:port/database`, where only the host is required. */
const parsePart = (text: string, defaultPort: number): Part | undefined => {
  const scheme = /^([a-z+]+):\/\//i.exec(text)?.[1]?.toLowerCase()
  const rest = scheme === undefined ? text : text.slice(scheme.length + 3)
  // The last `@`, since a password may hold others.
  const at = rest.startsWith("/") ? -1 : rest.lastIndexOf("@")
  const [, user = "", password] = /^([^:]*)(?::(.*))?$/s.exec(rest.slice(0, Math.max(at, 0)))!
  const place = rest.slice(at + 1)
  const common = {
    scheme,
    username: user === "" ? undefined : decode(user),
    password: password === undefined || password === "" ? undefined : decode(password)
  }
  if (scheme === "unix" || scheme === "redis+unix") {
    const [, path, db] = pathForm.exec(place) ?? []
    return path === undefined ? undefined : { ...common, path: decode(path), db: optional(db) }
  }
  const [, v6, name, port, db] = serverForm.exec(place) ?? []
  const host = v6 ?? name
  const number = optional(port) ?? defaultPort
  return host === undefined || number > 65_535 || !(scheme === undefined || /^rediss?$/.test(scheme))
    ? undefined
    : { ...common, server: { host, port: number }, db: optional(db) }
}

/**
 * Parses the addresses in a list such as `redis://user:password@host:6379/0,host2:6380`: what one of them has besides
 * host and port is for all. Fails with `InvalidConfig`, which names the option and does not repeat the URL: it may hold
 * a password.
 */
export const addresses = (
  url: string | Redacted.Redacted,
  defaultPort: number,
  many: boolean
): Effect.Effect<Addresses, SessionError> => {
  const wrong = (what: string) => Effect.fail(new SessionError({ reason: "InvalidConfig", message: `url: ${what}` }))
  // A comma with an `@` after it is one of the password's, unless another URL begins in between.
  const parts = plain(url)
    .split(/,(?!(?:(?!:\/\/).)*@)/s)
    .map((part) => parsePart(part.trim(), defaultPort))
  if (!parts.every((part) => part !== undefined)) {
    return wrong(
      many
        ? "expected redis://user:password@host:port/database, or host:port, separated by commas"
        : "expected redis://user:password@host:port/database, host:port, or unix:///path?db=number"
    )
  }
  const schemes = new Set(parts.flatMap(({ scheme }) => scheme ?? []))
  const [first] = parts
  if (many ? parts.some(({ path }) => path !== undefined) : parts.length > 1) {
    return wrong(
      many ? "expected hosts, and no path" : "expected one server; a cluster and sentinels have providers of their own"
    )
  }
  if (schemes.size > 1) {
    return wrong("expected one scheme for all addresses, redis:// or rediss://")
  }
  const one = <K extends "username" | "password" | "db">(name: K) => {
    const value = parts.find((part) => part[name] !== undefined)?.[name]
    return value === undefined ? {} : { [name]: value }
  }
  return Effect.succeed({
    servers: parts.flatMap(({ server }) => server ?? []),
    path: first?.path,
    shared: { ...one("username"), ...one("password"), ...one("db"), ...(schemes.has("rediss") ? { tls: {} } : {}) }
  })
}
