/**
 * The SQL provider on a client of its own, which is closed with the layer. What the three databases share.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SessionProvider } from "../Provider/Provider.js"
import * as Sql from "../Provider/Sql.js"
import { SessionError, unavailable } from "../SessionError.js"

export const ownClient = (
  dialect: Sql.Dialect,
  client: Layer.Layer<SqlClient, SqlError | ConfigError.ConfigError>,
  options: Sql.Options
): Layer.Layer<SessionProvider, SessionError> =>
  Layer.scoped(
    SessionProvider,
    Layer.build(client).pipe(
      Effect.mapError((error) => unavailable(dialect, "connect", "cause" in error ? error.cause : error)),
      Effect.flatMap((context) => Sql.fromClient(Context.get(context, SqlClient), options, true))
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

/** What the environment can say of the table. */
export const tableConfig: Config.Config<Sql.Options> = Config.map(
  Config.all([
    Config.option(Config.nonEmptyString("SESSION_TABLE")),
    Config.option(Config.nonEmptyString("SESSION_SCHEMA")),
    Config.option(Config.boolean("SESSION_MIGRATE"))
  ]),
  ([table, schema, migrate]) => ({
    table: Option.getOrUndefined(table),
    schema: Option.getOrUndefined(schema),
    migrate: Option.getOrUndefined(migrate)
  })
)
