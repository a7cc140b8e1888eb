/**
 * The address of sessions in Couchbase. Free of the driver, so that `SessionLayer` can use its types.
 */
import * as Effect from "#effect/Effect"
import { SessionError } from "../../SessionError.js"

/** When a write counts, with Couchbase's own names, from the fastest to the safest. */
export const durabilities = ["none", "majority", "majorityAndPersistActive", "persistToMajority"] as const

export type Durability = (typeof durabilities)[number]

export interface Address {
  /** Scheme, hosts and parameters, which the SDK calls the connection string. */
  readonly connection: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly bucket: string
  readonly scope: string
  readonly collection: string
}

// Not a `URL`, which has only one host. Scheme, user, password, hosts, bucket, scope, collection, parameters.
const form =
  /^(couchbases?):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]+)\/([^/?#]+)(?:\/([^/?#]+)\/([^/?#]+))?\/?(\?[^#]*)?$/

const host = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

/** Couchbase's rules for the names of buckets, scopes and collections differ a little; this allows all of them. */
const name = /^[A-Za-z0-9._%-]{1,251}$/

const decoded = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : decodeURIComponent(text)

/** Parses the URL. Fails with `InvalidConfig`, which does not repeat the URL: it holds a password. */
export const parse = (url: string): Effect.Effect<Address, SessionError> =>
  Effect.try({
    try: (): Address => {
      const [, scheme, username, password, hosts = "", ...place] = form.exec(url) ?? []
      const [bucket = "", scope = "_default", collection = "_default"] = place.slice(0, 3).map(decoded)
      if (
        !hosts.split(",").every((part) => host.test(part)) ||
        ![bucket, scope, collection].every((part) => name.test(part))
      ) {
        throw new TypeError("not a Couchbase URL")
      }
      return {
        connection: `${scheme}://${hosts}${place[3] ?? ""}`,
        username: decoded(username),
        password: decoded(password),
        bucket,
        scope,
        collection
      }
    },
    catch: () =>
      new SessionError({
        reason: "InvalidConfig",
        message: "url: expected couchbase://user:password@host,host/bucket or .../bucket/scope/collection"
      })
  })
