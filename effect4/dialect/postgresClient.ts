/**
 * The client of PostgreSQL: that of @effect/sql-pg.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { driver } from "../../src/Provider/internal/driver.js"
import { defaultCapabilities } from "../../src/Provider/Provider.js"
import type { ClientOf } from "../../src/Provider/sql/pool.js"
import type { SessionError } from "../../src/SessionError.js"
import { SqlClient } from "./sql.js"

/** Makes a client with a pool. */
export const clientOf: Effect.Effect<ClientOf, SessionError> = Effect.map(
  Effect.all([driver("postgres", "@effect/sql-pg"), driver("postgres", "effect/Redacted")]),
  ([{ PgClient }, TheirRedacted]) =>
    ({ maxConnections, prepare, url }) =>
      Layer.tap(
        PgClient.layer({
          // In a bundle Effect is another one than the client's, which does not know its secrets.
          url: TheirRedacted.make(Redacted.value(url)),
          maxConnections,
          prepare,
          // A row is one message.
          maxMessageSize: defaultCapabilities.maxPayload + 1024,
          connectTimeout: Duration.seconds(5),
          applicationName: "effect-session"
        }),
        // Fails now if there is no server.
        (context) => Context.get(context, SqlClient).unsafe("SELECT 1")
      )
)
