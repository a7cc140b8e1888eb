import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { driver } from "../../src/Provider/internal/driver.js"
import { defaultCapabilities } from "../../src/Provider/Provider.js"
import type { ClientOf } from "../../src/Provider/sql/pool.js"
import type { SessionError } from "../../src/SessionError.js"
import { SqlClient } from "./sql.js"

/** Makes a client with a pool. */
export const clientOf: Effect.Effect<ClientOf, SessionError> = Effect.map(
  driver("postgres", "@effect/sql-pg"),
  ({ PgClient }) =>
    ({ maxConnections, prepare, url }) =>
      Layer.tap(
        PgClient.layer({
          url,
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
