// The backends that beego and effect-session share in the tests, each with what beego does on it.
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { execute, mysql } from "../provider/sqlDatabases.js"
import * as MariaDb from "../servers/MariaDb.js"
import * as Memcached from "../servers/Memcached.js"
import * as Postgres from "../servers/Postgres.js"
import * as Redis from "../servers/Redis.js"
import { temporaryFolder } from "./interopApp.js"

export interface Backend {
  readonly provider: string
  readonly note?: string
  readonly needs: ReadonlyArray<string>
  /** Starts it, and answers beego's `providerConfig`. */
  readonly start: Effect.Effect<string, never, Scope.Scope>
  /** Whether beego gives a session a new id and keeps its data. */
  readonly regenerates: boolean
  /** Whether a session that was ended is over for who has a copy of its cookie, too. */
  readonly revocable: boolean
  /** What beego answers to a cookie whose session is gone. */
  readonly gone: 200 | 503
}

const usual = { regenerates: true, revocable: true, gone: 200 } as const

const addresses = (nodes: ReadonlyArray<{ readonly host: string; readonly port: number }>): string =>
  nodes.map(({ host, port }) => `${host}:${port}`).join(";")

export const cookieName = "gosessionid"

const mariaDb = Effect.map(MariaDb.make(), ({ port, url }) => ({
  dsn: `session:secret@tcp(127.0.0.1:${port})/session?charset=utf8mb4&parseTime=true`,
  database: mysql(url)
}))

export const backends: ReadonlyArray<Backend> = [
  {
    ...usual,
    provider: "redis",
    needs: ["redis-server"],
    start: Effect.map(Redis.single({ password: "secret" }), (server) => `${addresses([server])},100,secret,1`)
  },
  {
    ...usual,
    provider: "redis_cluster",
    needs: ["redis-server", "redis-cli"],
    start: Effect.map(Redis.cluster(), ({ nodes }) => addresses(nodes)),
    // Its RENAME fails from one slot to another.
    regenerates: false
  },
  {
    ...usual,
    provider: "redis_sentinel",
    needs: ["redis-server"],
    start: Effect.map(Redis.sentinel(), ({ masterName, sentinels }) => `${addresses(sentinels)},100,,0,${masterName}`)
  },
  {
    ...usual,
    provider: "memcache",
    needs: ["memcached"],
    // Several, so that both must choose the same one for an id.
    start: Effect.map(Effect.all([Memcached.make(), Memcached.make(), Memcached.make()]), addresses),
    // It panics.
    regenerates: false,
    gone: 503
  },
  { ...usual, provider: "mysql", needs: ["mariadbd"], start: Effect.map(mariaDb, ({ dsn }) => dsn) },
  {
    ...usual,
    provider: "mysql",
    note: " (the table as beego's documentation makes it)",
    needs: ["mariadbd"],
    start: Effect.tap(mariaDb, ({ database }) =>
      execute(
        database,
        "CREATE TABLE session (session_key char(64) NOT NULL, session_data blob, session_expiry int(11) unsigned NOT NULL, PRIMARY KEY (session_key)) ENGINE=MyISAM DEFAULT CHARSET=utf8"
      )
    ).pipe(Effect.map(({ dsn }) => dsn))
  },
  {
    ...usual,
    provider: "postgresql",
    needs: ["postgres"],
    start: Effect.map(
      Postgres.make(),
      ({ port }) => `host=127.0.0.1 port=${port} user=session password=secret dbname=session sslmode=disable`
    )
  },
  {
    ...usual,
    provider: "file",
    needs: [],
    start: temporaryFolder
  },
  {
    provider: "cookie",
    needs: [],
    start: Effect.succeed(
      JSON.stringify({ cookieName, securityKey: "of the HMAC", blockKey: "sixteen bytes...", securityName: "interop" })
    ),
    // Its new session is nil.
    regenerates: false,
    revocable: false,
    gone: 200
  }
]
