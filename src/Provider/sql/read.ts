/**
 * Reading from the session table: on a pool, reads that would wait for one another become one statement.
 */
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { toBuffer } from "../../internal/bytes.js"
import { after } from "../internal/time.js"
import type { Revision, Stored } from "../Provider.js"
import { batchReads, maxBatch } from "./batchReads.js"
import type { Connections, Row } from "./connection.js"
import { readMany as readManyText, statements, type TableName } from "./statements.js"

/** A read of the session with this key; the time is that of the app's clock. */
interface Reading {
  readonly key: Buffer
  readonly now: number
}

/** BIGINT is a string in node-postgres, and can be a number or a bigint in the other drivers. */
const toStored = (row: Row, now: number): Stored => ({
  payload: row["payload"] as Uint8Array,
  revision: String(row["version"]) as Revision,
  expiresAt: after(now, Number(row["remaining"]))
})

export const makeRead = (
  connections: Connections,
  name: TableName
): ((reading: Reading) => Effect.Effect<Option.Option<Stored>, unknown>) => {
  const { dialect, first, pooled, run } = connections
  const one = first(connections.statement(statements(dialect, name).read.text), (row, now) =>
    row === undefined ? Option.none() : Option.some(toStored(row, now))
  )
  const readOne =
    dialect === "sqlite"
      ? ({ key, now }: Reading) => one([now, key, now], now)
      : ({ key, now }: Reading) => one([key], now)

  /** Statements for 1, 2, 4, 8, ... ids, so that there are few to prepare. */
  const manySizes = Array.from({ length: Math.log2(maxBatch) + 1 }, (_, i) =>
    pooled ? connections.statement(readManyText(dialect, name, 2 ** i)) : ""
  )

  const readMany = (readings: ReadonlyArray<Reading>): Effect.Effect<ReadonlyArray<Option.Option<Stored>>, unknown> => {
    const size = Math.ceil(Math.log2(readings.length))
    const keys = Array.from({ length: 2 ** size }, (_, i) => (readings[i] ?? readings[0]!).key)
    return Effect.map(run(manySizes[size]!, dialect === "postgres" ? [keys] : keys), ({ rows }) => {
      const found = new Map(rows.map((row) => [toBuffer(row["id"] as Uint8Array).toString("latin1"), row]))
      const given = new Set<Row>()
      return readings.map(({ key, now }) => {
        const row = found.get(key.toString("latin1"))
        if (row === undefined) {
          return Option.none()
        }
        const stored = toStored(row, now)
        // Two readers of one session never share memory.
        const isShared = given.has(row)
        given.add(row)
        return Option.some(isShared ? { ...stored, payload: Uint8Array.from(stored.payload) } : stored)
      })
    })
  }

  return pooled ? batchReads(readOne, readMany) : readOne
}
