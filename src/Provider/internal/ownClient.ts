/**
 * Sessions in a database on a client of their own, which is closed with them. What the three databases share.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SessionError, unavailable } from "../../SessionError.js"
import { type Provider, SessionProvider } from "../Provider.js"
import type { Dialect } from "../sql/statements.js"

/** Makes a provider of a client. */
export type Make = (client: SqlClient) => Effect.Effect<Provider, SessionError>

export const ownClient = (
  dialect: Dialect,
  client: Layer.Layer<SqlClient, SqlError | ConfigError.ConfigError>,
  make: Make
): Layer.Layer<SessionProvider, SessionError> =>
  Layer.scoped(
    SessionProvider,
    Layer.build(client).pipe(
      Effect.mapError((error) => unavailable(dialect, "connect", "cause" in error ? error.cause : error)),
      Effect.flatMap((context) => make(Context.get(context, SqlClient)))
    )
  )

/** Fails where a URL is not one of this database. The message leaves it out: it can hold a password. */
export const checkUrl = (url: string, protocols: ReadonlyArray<string>): Effect.Effect<void, SessionError> =>
  URL.canParse(url) && protocols.includes(new URL(url).protocol)
    ? Effect.void
    : new SessionError({
        reason: "InvalidConfig",
        message: `url: expected ${protocols.map((protocol) => `${protocol}//user:password@host:port/database`).join(" or ")}`
      })
