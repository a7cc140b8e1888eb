/**
 * The address of a database server. Passwords with special characters can be written as they are, as far as a URL can
 * still be read.
 */
import type { ConnectionOptions } from "node:tls"
import * as Effect from "#effect/Effect"
import type * as Redacted from "#effect/Redacted"
import { SessionError } from "../../SessionError.js"
import { decode, plain } from "../internal/environment.js"

/** Whether TLS is used, with Node's options of it. */
export type Tls = boolean | ConnectionOptions

export interface Address {
  /** The URL, in which all that needs it is encoded. */
  readonly url: string
  readonly host: string
  readonly port: number | undefined
  readonly user: string
  readonly password: string
  readonly database: string
}

const parse = (text: string, protocols: ReadonlyArray<string>): Address | undefined => {
  if (!URL.canParse(text)) {
    return undefined
  }
  const url = new URL(text)
  // A `#`, `?` or `/` in a password ends the part of the URL that holds it: what is left is another server's address.
  const isWhole = url.hash === "" && !url.pathname.includes("@") && !(url.username === "" && url.search.includes("@"))
  if (!protocols.includes(url.protocol) || !isWhole) {
    return undefined
  }
  const [user, password, database] = [decode(url.username), decode(url.password), decode(url.pathname.slice(1))]
  url.username = encodeURIComponent(user)
  url.password = encodeURIComponent(password)
  url.pathname = encodeURIComponent(database)
  return {
    url: url.href,
    host: url.hostname.replaceAll(/^\[|\]$/g, ""),
    port: url.port === "" ? undefined : Number(url.port),
    user,
    password,
    database
  }
}

/** Fails if a URL does not belong to this database. The message leaves the URL out: it can hold a password. */
export const addressOf = (
  url: string | Redacted.Redacted,
  protocols: ReadonlyArray<string>
): Effect.Effect<Address, SessionError> =>
  Effect.suspend(() => {
    const address = parse(plain(url), protocols)
    return address === undefined
      ? new SessionError({
          reason: "InvalidConfig",
          message: `url: expected ${protocols.map((protocol) => `${protocol}//user:password@host:port/database`).join(" or ")}, with special characters as %40`
        })
      : Effect.succeed(address)
  })

/** What drivers take from a URL for TLS. */
const ofTls = ["ssl", "sslmode", "sslcert", "sslkey", "sslrootcert", "uselibpqcompat"]

/** The URL without what it says of TLS, which a driver would take for more than the option. */
export const withoutTls = ({ url }: Address): string => {
  const plain = new URL(url)
  for (const name of ofTls) {
    plain.searchParams.delete(name)
  }
  return plain.href
}
