/**
 * Sessions in PostgreSQL on a pool of their own.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { SessionError } from "../../SessionError.js"
import { checkUrl, type Make, ownClient } from "../internal/ownClient.js"
import type { SessionProvider } from "../Provider.js"

export interface PoolOptions {
  /** Such as `postgres://user:password@host:5432/database?sslmode=require`. */
  readonly url: string | Redacted.Redacted
  /** The most connections. Default 10. */
  readonly maxConnections?: number | undefined
}

export const onPostgres = (options: PoolOptions, make: Make): Layer.Layer<SessionProvider, SessionError> => {
  const url = Redacted.isRedacted(options.url) ? options.url : Redacted.make(options.url)
  const client = PgClient.layer({
    url,
    maxConnections: options.maxConnections ?? 10,
    connectTimeout: Duration.seconds(5),
    applicationName: "effect-session"
  })
  return Layer.unwrapEffect(
    Effect.as(checkUrl(Redacted.value(url), ["postgres:", "postgresql:"]), ownClient("postgresql", client, make))
  )
}
