// Garbage collection of a table of a million sessions, half of them expired: how long it takes, and what it costs those who read
// meanwhile. See ../README.md.
import { setImmediate } from "node:timers/promises"
import { parseArgs } from "node:util"
import * as SqlClient from "@effect/sql/SqlClient"
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Mysql from "../../dist/src/mysql.js"
import * as Postgres from "../../dist/src/postgres.js"
import * as Sqlite from "../../dist/src/sqlite.js"
import { startMariaDb, startPostgres } from "../lib/databases.mjs"
import { temporaryFolder } from "../lib/processes.mjs"
import { progress, report } from "../lib/report.mjs"
import { providerOf } from "../lib/sql.mjs"

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: "string", default: "1000000" }, seconds: { type: "string", default: "5" } }
})
const rows = Number(options.rows)
const now = Date.now()
const expiry = (odd) => `${now} + CASE ${odd} WHEN 0 THEN -1000 ELSE 86400000 END`

const backends = {
  postgres: {
    start: startPostgres,
    layer: (url) => Postgres.layer({ url }),
    client: (url) => PgClient.layer({ url: Redacted.make(url) }),
    fill: [
      `INSERT INTO effect_session SELECT sha256(n::text::bytea), repeat('x', 500)::bytea, 1, ${now}, ${expiry("n % 2")} FROM generate_series(1, ${rows}) n`,
      "VACUUM ANALYZE effect_session",
      "CHECKPOINT"
    ]
  },
  mysql: {
    start: startMariaDb,
    layer: (url) => Mysql.layer({ url }),
    client: (url) => MysqlClient.layer({ url: Redacted.make(url) }),
    fill: [
      `INSERT INTO effect_session SELECT UNHEX(SHA2(seq, 256)), REPEAT('x', 500), 1, ${now}, ${expiry("seq % 2")} FROM seq_1_to_${rows}`,
      "ANALYZE TABLE effect_session"
    ]
  },
  sqlite: {
    start: () => ({ url: `${temporaryFolder()}/sessions.sqlite`, stop: () => {} }),
    layer: (filename) => Sqlite.layer({ filename }),
    client: (filename) => SqliteClient.layer({ filename }),
    fill: [
      `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${rows}) INSERT INTO effect_session SELECT randomblob(32), zeroblob(500), 1, ${now}, ${expiry("n % 2")} FROM s`,
      "ANALYZE"
    ]
  }
}

/** Reads live sessions by 16 at once until it is told to end, each from its turn in the event loop on; answers their times in ms. */
const readUntil = async (provider, ids, ended) => {
  const times = []
  await Promise.all(
    Array.from({ length: 16 }, async (_, worker) => {
      for (let i = worker; !ended(); i += 16) {
        const began = performance.now()
        await setImmediate()
        await Effect.runPromise(provider.read(ids[(i * 7919) % ids.length]))
        times.push(performance.now() - began)
      }
    })
  )
  return times.sort((a, b) => a - b)
}

const percentile = (times, p) => times[Math.floor((times.length - 1) * p)]

const measure = async (name) => {
  const backend = backends[name]
  const { stop, url } = await backend.start()
  const figures = await Effect.gen(function* () {
    const provider = yield* providerOf(backend.layer(url))
    const sql = yield* SqlClient.SqlClient
    progress(`${name}: making ${rows} sessions`)
    for (const text of backend.fill) yield* sql.unsafe(text).unprepared
    const live = yield* sql.unsafe(`SELECT id FROM effect_session WHERE expires_at > ${now} LIMIT 20000`)
    const ids = live.map(({ id }) => Buffer.from(id).toString("base64url"))
    const forSome = () => {
      const end = performance.now() + options.seconds * 1000
      return () => performance.now() >= end
    }
    return yield* Effect.promise(async () => {
      progress(`${name}: reading`)
      await readUntil(provider, ids, forSome())
      const without = await readUntil(provider, ids, forSome())
      progress(`${name}: reading while garbage is collected`)
      let removed
      const began = performance.now()
      const collecting = Effect.runPromise(provider.gc).then((count) => {
        removed = count
      })
      const during = await readUntil(provider, ids, () => removed !== undefined)
      await collecting
      return {
        backend: name,
        removed,
        seconds: (performance.now() - began) / 1000,
        without: percentile(without, 0.99),
        during: percentile(during, 0.99),
        longest: during.at(-1)
      }
    })
  }).pipe(Effect.provide(backend.client(url)), Effect.scoped, Effect.runPromise)
  await stop()
  return { ...figures, ratio: figures.during / figures.without }
}

const figures = []
for (const name of positionals.length > 0 ? positionals : Object.keys(backends)) figures.push(await measure(name))
progress("")

report({
  name: positionals.length === 1 ? `gc-${positionals[0]}` : "gc",
  title: "Garbage collection of SQL sessions",
  command: ["npm run bench -- gc", ...positionals].join(" "),
  versions: ["@effect/sql", "pg", "mysql2", "better-sqlite3"],
  about: [
    `A table of ${rows} sessions of 500 bytes, half of them expired, collected by one process that also reads live sessions, 16 at once.`,
    "The times of reads are in ms, from their turn in the event loop on: first without the collection, then during it."
  ],
  tables: [
    {
      head: ["", "removed", "in s", "p99 without", "p99 during", "ratio", "longest"],
      rows: figures.map((f) => [
        f.backend,
        f.removed,
        f.seconds.toFixed(1),
        f.without.toFixed(2),
        f.during.toFixed(2),
        f.ratio.toFixed(2),
        f.longest.toFixed(1)
      ])
    }
  ],
  figures
})
process.exit()
