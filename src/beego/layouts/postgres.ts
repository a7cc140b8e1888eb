/**
 * beego's `postgresql` provider: the table `session` in PostgreSQL.
 */
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import type { SessionProvider } from "../../Provider/Provider.js"
import { onPostgres } from "../../Provider/sql/onPostgres.js"
import type { PoolOptions } from "../../Provider/sql/pool.js"
import { SessionError } from "../../SessionError.js"
import * as BeegoSql from "./sql.js"

export interface Options extends BeegoSql.Options, PoolOptions {
  /**
   * The time zone of the Go app, such as `Europe/Prague`: beego stores local time without a zone. Default: that of this
   * process. In the hour that is repeated when summer time ends, sessions can live for an hour longer, unless the zone
   * is UTC.
   */
  readonly timeZone?: string | undefined
}

/**
 * Provides sessions in beego's table. Fails with `Unavailable` if the server cannot be reached or the table cannot be
 * created, and with `InvalidConfig` if an option is wrong.
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  onPostgres(options, (access) =>
    Effect.flatMap(checkTimeZone(options.timeZone), (timeZone) =>
      BeegoSql.make(access, "postgres", { ...options, timeZone })
    )
  )

/** Accepts only IANA names: PostgreSQL reads an offset such as +02 differently from other software. */
const checkTimeZone = (timeZone = localZone()): Effect.Effect<string, SessionError> =>
  /^[A-Za-z][A-Za-z0-9_+/-]*$/.test(timeZone) && isZone(timeZone)
    ? Effect.succeed(timeZone)
    : new SessionError({
        reason: "InvalidConfig",
        message: "timeZone: expected the name of a time zone, such as UTC or Europe/Prague"
      })

const localZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone

const isZone = (timeZone: string): boolean => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }) !== undefined
  } catch {
    return false
  }
}
