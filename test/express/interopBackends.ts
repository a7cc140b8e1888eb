// The backends that the apps share in the tests: the store of the other app, and the provider of this one.
import { createRequire } from "node:module"
import { RedisStore } from "connect-redis"
import type { SessionProvider } from "effect-session"
import expressSession, { type Store } from "express-session"
import { createPool } from "mysql2/promise"
import { createClient } from "redis"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import * as Express from "../../src/express/providers.js"
import * as MariaDb from "../servers/MariaDb.js"
import * as Postgres from "../servers/Postgres.js"
import * as Redis from "../servers/Redis.js"

const require = createRequire(import.meta.url)
const pg = require("pg")
const PgStore = require("connect-pg-simple")(expressSession)
const MySQLStore = require("express-mysql-session")(expressSession)

/** A session as its backend has it. */
export interface Stored {
  readonly record: Record<string, any>
  /** How long it still lives, in milliseconds. */
  readonly ttl: number
}

export interface Place {
  /** Makes a store for an app: express puts its own way to begin a session into it. */
  readonly store: () => Store
  readonly provider: Layer.Layer<SessionProvider.SessionProvider, unknown>
  /** The session with this id, if it is there. */
  readonly stored: (id: string) => Promise<Stored | undefined>
}

export interface Backend {
  readonly name: string
  readonly needs: ReadonlyArray<string>
  readonly start: Effect.Effect<Place, never, Scope.Scope>
}

export const redis: Backend = {
  name: "connect-redis",
  needs: ["redis-server"],
  start: Effect.flatMap(Redis.single({ password: "secret" }), ({ url }) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.promise(() => createClient({ url }).connect()),
        (client) => Effect.promise(() => client.close())
      ),
      (client): Place => ({
        store: () => new RedisStore({ client }),
        provider: Express.redis({ url }),
        stored: async (id) => {
          const [payload, ttl] = await Promise.all([client.get(`sess:${id}`), client.pTTL(`sess:${id}`)])
          return payload === null ? undefined : { record: JSON.parse(payload), ttl }
        }
      })
    )
  )
}

export const postgres: Backend = {
  name: "connect-pg-simple",
  needs: ["postgres"],
  start: Effect.flatMap(Postgres.make(), ({ url }) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const pool = new pg.Pool({ connectionString: url })
          // The server may end before the last connection has.
          pool.on("error", () => {})
          pool.on("connect", (client: any) => client.on("error", () => {}))
          return pool
        }),
        (pool) => Effect.promise(() => pool.end())
      ),
      (pool): Place => ({
        store: () => new PgStore({ pool, createTableIfMissing: true, pruneSessionInterval: false }),
        provider: Express.postgres({ url }),
        stored: async (id) => {
          const { rows } = await pool.query(
            "SELECT sess::text, EXTRACT(EPOCH FROM expire::timestamptz - NOW())::float8 * 1000 AS ttl FROM session WHERE sid = $1 AND expire >= NOW()",
            [id]
          )
          return rows[0] && { record: JSON.parse(rows[0].sess), ttl: rows[0].ttl }
        }
      })
    )
  )
}

export const mysql: Backend = {
  name: "express-mysql-session",
  needs: ["mariadbd"],
  start: Effect.flatMap(MariaDb.make(), ({ url }) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => createPool(url)),
        (pool) => Effect.promise(() => pool.end())
      ),
      (pool): Place => ({
        store: () => new MySQLStore({ clearExpired: false }, pool),
        provider: Express.mysql({ url }),
        stored: async (id) => {
          const [rows] = (await pool.query("SELECT data, expires FROM sessions WHERE session_id = ?", [id])) as any
          const now = Date.now()
          // As the store compares them.
          return rows[0] === undefined || rows[0].expires < Math.round(now / 1000)
            ? undefined
            : { record: JSON.parse(rows[0].data), ttl: rows[0].expires * 1000 - now }
        }
      })
    )
  )
}
