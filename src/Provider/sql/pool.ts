/**
 * Sessions in a database on a pool of their own, which is closed with them. PostgreSQL and MySQL share this module.
 */

import { causeOf, SqlClient } from "#dialect/sql"
import type * as Config from "#effect/Config"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import type { SqlError } from "#effect/sql/SqlError"
import { SessionError, unavailable } from "../../SessionError.js"
import { plainUrl } from "../internal/environment.js"
import { type Provider, SessionProvider } from "../Provider.js"

export interface PoolOptions {
  /**
   * The database's address, such as `postgres://user:password@host:5432/database?sslmode=require`, or
   * `mysql://user:password@host:3306/database`. It can have options of mysql2, such as `?connectTimeout=3000`.
   */
  readonly url: string | Redacted.Redacted
  /** The largest number of connections. Default 10. */
  readonly maxConnections?: number | undefined
}

/** Makes a provider from a client. */
type Make = (client: SqlClient) => Effect.Effect<Provider, SessionError>

interface Pool {
  readonly url: Redacted.Redacted
  readonly maxConnections: number
  /** Whether a client that prepares statements by itself does so. */
  readonly prepare: boolean
}

/** Makes a client with a pool. */
export type ClientOf = (pool: Pool) => Layer.Layer<SqlClient, SqlError | Config.ConfigError>

/**
 * Makes the layer of a provider with its own pool. `protocols` are those of the database's URLs, the usual one first.
 */
export const onPool =
  (dialect: "mysql" | "postgres", protocols: ReadonlyArray<string>, client: Effect.Effect<ClientOf, SessionError>) =>
  (
    { maxConnections = 10, prepared = true, url }: PoolOptions & { readonly prepared?: boolean | undefined },
    make: Make
  ): Layer.Layer<SessionProvider, SessionError> => {
    const plain = plainUrl(url)
    return Layer.effect(
      SessionProvider,
      checkUrl(plain, protocols, dialect === "mysql").pipe(
        Effect.andThen(client),
        Effect.flatMap((clientOf) =>
          Effect.mapError(
            Layer.build(clientOf({ url: Redacted.make(plain), maxConnections, prepare: prepared })),
            (error) => unavailable(dialect, "connect", error._tag === "SqlError" ? causeOf(error) : error)
          )
        ),
        Effect.flatMap((context) => make(Context.get(context, SqlClient)))
      )
    )
  }

/** Whether each `%` begins an escape: mysql2 dies of a URL where one does not. */
const isEncoded = (url: string): boolean => !/%(?![0-9a-f]{2})/i.test(url)

/** Fails if a URL does not belong to this database. The message leaves the URL out: it can hold a password. */
const checkUrl = (url: string, protocols: ReadonlyArray<string>, strict: boolean): Effect.Effect<void, SessionError> =>
  URL.canParse(url) && protocols.includes(new URL(url).protocol) && (!strict || isEncoded(url))
    ? Effect.void
    : new SessionError({
        reason: "InvalidConfig",
        message: `url: expected ${protocols.map((protocol) => `${protocol}//user:password@host:port/database`).join(" or ")}, with special characters as %40`
      })
