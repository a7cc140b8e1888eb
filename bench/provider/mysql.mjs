// MariaDB: a bare mysql2 with a pool of 10 and prepared statements, and the provider with its default options. The statements are the same.
import mysql from "mysql2/promise"
import * as Provider from "../../dist/src/mysql.js"
import { startMariaDb } from "../lib/databases.mjs"
import { bareTable, providerOf } from "../lib/sql.mjs"

export const driver = "mysql2"
export const operations = { read: "SELECT", write: "UPDATE" }

export const start = async () => {
  const { stop, url } = await startMariaDb()
  const pool = mysql.createPool({ uri: url, connectionLimit: 10 })
  return {
    provider: providerOf(Provider.layer({ url })),
    bare: bareTable("mysql", async (text, values) => {
      const [result] = await pool.execute(text, values)
      return { rows: result, affected: result.affectedRows }
    }),
    stop: async () => {
      await pool.end()
      stop()
    }
  }
}
