/**
 * What `doctor` looks at in PostgreSQL, and in MySQL and MariaDB: the server.
 */
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Environment from "../../Provider/internal/environment.js"
import type { Access } from "../../Provider/sql/access.js"
import { openMysql } from "../../Provider/sql/onMysql.js"
import { openPostgres } from "../../Provider/sql/onPostgres.js"
import { clock } from "../../Provider/sql/statements.js"
import { type Check, type Finding, ok, warning, wrong } from "./finding.js"
import type { Open } from "./opened.js"
import { serverClock } from "./serverClock.js"
import { opened, table } from "./sql.js"
import { ask } from "./sqlTables.js"
import { size } from "./units.js"

const row = (access: Access, text: string) => Effect.map(ask(access, text), ([row]) => row ?? {})

/** The warning of a server that has hardly a place for another connection. */
const crowd = (open: number, most: number): ReadonlyArray<Finding> =>
  open >= 0.9 * most
    ? [
        warning(
          `${open} of the server's ${most} connections are in use: the app may not get its own`,
          "raise max_connections, lower SESSION_MAX_CONNECTIONS of each process, or put a pooler between"
        )
      ]
    : [ok(`${open} of the server's ${most} connections are in use`)]

const primary = "let SESSION_URL lead to the primary"

const clockOf = (access: Access, expression: string): Check =>
  serverClock(
    Effect.map(row(access, `SELECT ${expression} AS now`), (row) => Number(row["now"])),
    "sessions live by the server's clock, and cookies by that of this machine"
  )

const ofPostgres = (access: Access): ReadonlyArray<Check> => [
  {
    name: "the server's version",
    look: Effect.map(row(access, "SELECT current_setting('server_version_num')::int AS version"), (row) => {
      const version = Math.floor(Number(row["version"]) / 10_000)
      // `SKIP LOCKED` and `ON CONFLICT` came with 9.5, the numbers of today with 10.
      return version < 10
        ? [wrong("the server is older than PostgreSQL 10: sessions are not tested on it", "update the server")]
        : [ok(`the server is PostgreSQL ${version}`)]
    })
  },
  {
    name: "whether the server takes writes",
    look: Effect.map(
      row(
        access,
        "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') AS read_only"
      ),
      (row) =>
        row["standby"] === true
          ? [wrong("the server is a standby, which takes no writes: no session can be made or changed", primary)]
          : row["read_only"] === "on"
            ? [
                wrong(
                  "transactions are read-only for this user or database: no session can be made or changed",
                  "see default_transaction_read_only of the role and the database: ALTER ROLE ... RESET"
                )
              ]
            : [ok("the server takes writes")]
    )
  },
  {
    name: "the server's connections",
    look: Effect.map(
      row(
        access,
        "SELECT current_setting('max_connections')::int AS most, (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL)::int AS open"
      ),
      (row) => crowd(Number(row["open"]), Number(row["most"]))
    )
  },
  clockOf(access, "(DATE_PART('epoch', clock_timestamp()) * 1000)::bigint")
]

/** The least versions that are said to work: docs/providers/sql.md. */
const least = { MySQL: "8.0", MariaDB: "10.3" } as const

/** Whether a version comes before another, number by number. */
const isBefore = (version: string, other: string): boolean => version.localeCompare(other, "en", { numeric: true }) < 0

const ofMysql = (access: Access, maxBytes: number): ReadonlyArray<Check> => [
  {
    name: "the server's version",
    look: Effect.map(row(access, "SELECT VERSION() AS version"), (row) => {
      const [version = ""] = String(row["version"]).split("-")
      const name = /mariadb/i.test(String(row["version"])) ? "MariaDB" : "MySQL"
      const what = `the server is ${name} ${version}`
      return isBefore(version, least[name])
        ? [warning(`${what}: sessions are not tested on it`, `update the server to ${least[name]} or newer`)]
        : [ok(what)]
    })
  },
  {
    name: "whether the server takes writes",
    look: Effect.map(row(access, "SELECT @@GLOBAL.read_only AS read_only"), (row) =>
      Number(row["read_only"]) !== 0
        ? [
            wrong(
              "the server is read-only, as a replica is: no session can be made or changed",
              `${primary}, or SET GLOBAL read_only = 0`
            )
          ]
        : [ok("the server takes writes")]
    )
  },
  {
    name: "the server's connections",
    look: Effect.map(
      Effect.all([
        row(access, "SELECT @@GLOBAL.max_connections AS most"),
        row(access, "SHOW GLOBAL STATUS LIKE 'Threads_connected'")
      ]),
      ([{ most }, { Value }]) => crowd(Number(Value), Number(most))
    )
  },
  {
    name: "the largest session",
    look: Effect.map(row(access, "SELECT @@GLOBAL.max_allowed_packet AS bytes"), (row) => {
      const bytes = Number(row["bytes"])
      return bytes - 1024 < maxBytes
        ? [
            wrong(
              `max_allowed_packet is ${size(bytes)}, and sessions may have ${size(maxBytes)}: larger ones cannot be saved`,
              "raise max_allowed_packet, or lower SESSION_MAX_BYTES"
            )
          ]
        : [ok("the server takes the largest session that the options allow")]
    })
  },
  clockOf(access, clock.mysql)
]

/** The checks need few connections, and may be made while a server has hardly any. */
const few = 2

const pool = Config.all({
  url: Environment.url,
  maxConnections: Config.succeed(few),
  prepared: Environment.prepared,
  tls: Environment.tls
})

export const openPostgresql: Open = (config) =>
  Effect.flatMap(Config.all([pool, table]), ([options, table]) =>
    Effect.map(openPostgres(options), (access) => opened(access, table, config, ofPostgres))
  )

export const openMariaDb: Open = (config) =>
  Effect.flatMap(Config.all([pool, table]), ([options, table]) =>
    Effect.map(openMysql(options), (access) =>
      opened(access, table, config, (access) => ofMysql(access, config.maxBytes))
    )
  )
