/**
 * Sessions in a database on a pool of their own, which is closed with them. PostgreSQL and MySQL share this module.
 */

import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import { SessionError } from "../../SessionError.js"
import { type Provider, SessionProvider } from "../Provider.js"
import { type Access, SqlError, type Unsafe } from "./access.js"
import { type Address, addressOf, type Tls } from "./address.js"
import { firstBy, patient, type Run } from "./connection.js"
import { failed } from "./failures.js"
import { type Connect, Lines } from "./lines.js"
import * as OnLines from "./onLines.js"

export interface PoolOptions {
  /**
   * The database's address, such as `postgres://user:password@host:5432/database?sslmode=require`, or
   * `mysql://user:password@host:3306/database`. It can have options of the driver, node-postgres or mysql2.
   */
  readonly url: string | Redacted.Redacted
  /** The largest number of connections. Default 10. */
  readonly maxConnections?: number | undefined
  /**
   * Whether to use TLS, or Node's options of it, such as `{ ca }`. With `true` the server's certificate must be one that
   * Node trusts. Default: what the address says.
   */
  readonly tls?: Tls | undefined
  /**
   * Whether statements are prepared, once per connection. Default: yes, unless a pooler such as PgBouncer is before
   * PostgreSQL, or MySQL prepares no more.
   */
  readonly prepared?: boolean | undefined
}

/** Connects a pool, which is closed with the scope. */
export type OpenPool = (options: PoolOptions) => Effect.Effect<Access, SessionError, Scope.Scope>

/** How the pool of a database is connected. `protocols` are those of its URLs, the usual one first. */
export const poolOf =
  (
    dialect: "mysql" | "postgres",
    protocols: ReadonlyArray<string>,
    connector: (address: Address, options: PoolOptions) => Effect.Effect<Connect, SessionError>
  ): OpenPool =>
  (options) =>
    checkSize(options).pipe(
      Effect.andThen(addressOf(options.url, protocols)),
      Effect.flatMap((address) => connector(address, options)),
      Effect.flatMap((connect) =>
        Effect.acquireRelease(
          Effect.sync(() => new Lines(options.maxConnections ?? 10, connect)),
          (lines) => Effect.sync(() => lines.close())
        )
      ),
      Effect.map((lines) => accessOf(dialect, lines)),
      // Fails now if there is no server.
      Effect.tap(({ unsafe }) => Effect.mapError(unsafe("SELECT 1"), ({ cause }) => failed(dialect, "connect", cause)))
    )

/** Makes the layer of a provider with its own pool. */
export const onPool =
  (open: OpenPool) =>
  (
    options: PoolOptions,
    make: (access: Access) => Effect.Effect<Provider, SessionError>
  ): Layer.Layer<SessionProvider, SessionError> =>
    Layer.effect(SessionProvider, Effect.flatMap(open(options), make))

const checkSize = ({ maxConnections = 1 }: PoolOptions): Effect.Effect<void, SessionError> =>
  Number.isInteger(maxConnections) && maxConnections > 0
    ? Effect.void
    : new SessionError({ reason: "InvalidConfig", message: "maxConnections: expected a whole number, 1 or more" })

const accessOf = (dialect: "mysql" | "postgres", lines: Lines): Access => {
  const unsafeBy =
    (run: Run): Unsafe =>
    (text, params = []) =>
      Effect.mapBoth(run(text, params), {
        onSuccess: ({ rows }) => rows,
        onFailure: (cause) => new SqlError({ cause })
      })
  const again = (since: number) => lines.renew(since)
  const run = patient(OnLines.run(lines, false), again)
  const write = patient(OnLines.run(lines, true), again)
  return {
    dialect,
    longestRow: Number.POSITIVE_INFINITY,
    unsafe: unsafeBy(OnLines.unprepared(lines)),
    transaction: (use) =>
      Effect.mapError(
        OnLines.reserve(lines, ({ unprepared }) => {
          const unsafe = unsafeBy(unprepared)
          return Effect.andThen(unsafe("BEGIN"), use(unsafe)).pipe(
            Effect.andThen(unsafe("COMMIT")),
            Effect.tapError(() => Effect.ignore(unsafe("ROLLBACK")))
          )
        }),
        (cause) => (cause instanceof SqlError ? cause : new SqlError({ cause }))
      ),
    outside: (effect) => effect,
    connect: Effect.succeed({
      dialect,
      pooled: true,
      run,
      write,
      first: firstBy(run),
      statement: (text) => text,
      reserve: (use) => OnLines.reserve(lines, ({ run }) => use(patient(run)))
    })
  }
}
