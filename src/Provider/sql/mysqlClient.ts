/**
 * Sessions in MySQL or MariaDB on a pool of their own.
 */
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { SessionError } from "../../SessionError.js"
import { checkUrl, type Make, ownClient } from "../internal/ownClient.js"
import type { SessionProvider } from "../Provider.js"

export interface PoolOptions {
  /** Such as `mysql://user:password@host:3306/database`. Options of mysql2 can follow it, such as `?connectTimeout=3000`. */
  readonly url: string | Redacted.Redacted
  /** The most connections. Default 10. */
  readonly maxConnections?: number | undefined
}

export const onMysql = (options: PoolOptions, make: Make): Layer.Layer<SessionProvider, SessionError> => {
  const url = Redacted.isRedacted(options.url) ? options.url : Redacted.make(options.url)
  const client = MysqlClient.layer({
    url,
    maxConnections: options.maxConnections ?? 10
  })
  return Layer.unwrapEffect(
    Effect.as(checkUrl(Redacted.value(url), ["mysql:", "mariadb:"]), ownClient("mysql", client, make))
  )
}
