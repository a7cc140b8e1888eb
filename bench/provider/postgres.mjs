// PostgreSQL: a bare pg with a pool of 10 and prepared statements, and the provider with its default options. The statements are the same.
import pg from "pg"
import * as Provider from "../../dist/src/postgres.js"
import { startPostgres } from "../lib/databases.mjs"
import { bareTable, providerOf } from "../lib/sql.mjs"

export const driver = "pg"
export const operations = { read: "SELECT", write: "UPDATE" }

export const start = async () => {
  const { stop, url } = await startPostgres()
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  return {
    provider: providerOf(Provider.layer({ url })),
    bare: bareTable("postgres", async (text, values) => {
      const { rowCount, rows } = await pool.query({ name: text.slice(0, 60), text, values })
      return { rows, affected: rowCount }
    }),
    stop: async () => {
      await pool.end()
      stop()
    }
  }
}
