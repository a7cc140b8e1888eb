/**
 * Reading from the session table: on a pool, reads that would wait for one another become one statement.
 */
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { toBuffer } from "../../internal/bytes.js"
import type { Revision, Stored } from "../Provider.js"
import { batchReads, maxBatch } from "./batchReads.js"
import type { Connections, Row } from "./connection.js"
import { readMany as readManyText, statements, type TableName } from "./statements.js"

/** A read of the session with this key, if it is live at this time. */
interface Reading {
  readonly key: Buffer
  readonly now: number
}

/** BIGINT is a string in node-postgres, and can be a number or a bigint in the other drivers. */
const toStored = (row: Row): Stored => ({
  payload: row["payload"] as Uint8Array,
  revision: String(row["version"]) as Revision,
  expiresAt: Number(row["expires_at"])
})

export const makeRead = (
  connections: Connections,
  name: TableName
): ((reading: Reading) => Effect.Effect<Option.Option<Stored>, unknown>) => {
  const { dialect, first, pooled, run } = connections
  const one = first(connections.statement(statements(dialect, name).read), (row) =>
    row === undefined ? Option.none() : Option.some(toStored(row))
  )
  const readOne = ({ key, now }: Reading) => one(key, now)

  /** Statements for 1, 2, 4, 8, ... ids, so that there are few to prepare. */
  const manySizes = Array.from({ length: Math.log2(maxBatch) + 1 }, (_, i) =>
    connections.statement(readManyText(dialect, name, 2 ** i))
  )

  const readMany = (readings: ReadonlyArray<Reading>): Effect.Effect<ReadonlyArray<Option.Option<Stored>>, unknown> => {
    const size = Math.ceil(Math.log2(readings.length))
    const keys = Array.from({ length: 2 ** size }, (_, i) => (readings[i] ?? readings[0]!).key)
    return Effect.map(run(manySizes[size]!, dialect === "postgres" ? [keys] : keys), ({ rows }) => {
      const found = new Map(rows.map((row) => [toBuffer(row["id"] as Uint8Array).toString("latin1"), toStored(row)]))
      return readings.map(({ key, now }) =>
        Option.filter(Option.fromNullishOr(found.get(key.toString("latin1"))), ({ expiresAt }) => expiresAt > now)
      )
    })
  }

  return pooled ? batchReads(readOne, readMany) : readOne
}
