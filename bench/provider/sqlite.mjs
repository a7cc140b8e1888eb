// SQLite: a bare better-sqlite3 with prepared statements and the same settings, and the provider. The statements are the same.
import { join } from "node:path"
import Database from "better-sqlite3"
import * as Provider from "../../dist/src/sqlite.js"
import { temporaryFolder } from "../lib/processes.mjs"
import { bareTable, providerOf } from "../lib/sql.mjs"

export const driver = "better-sqlite3"
export const operations = { read: "SELECT", write: "UPDATE" }

export const start = async () => {
  const filename = join(temporaryFolder(), "sessions.sqlite")
  const database = new Database(filename)
  database.pragma("journal_mode = WAL")
  database.pragma("synchronous = NORMAL")
  const prepared = new Map()
  const prepare = (text) => {
    if (!prepared.has(text)) prepared.set(text, database.prepare(text))
    return prepared.get(text)
  }
  return {
    provider: providerOf(Provider.layer({ filename })),
    bare: bareTable("sqlite", async (text, values) => {
      const statement = prepare(text)
      return statement.reader ? { rows: statement.all(values) } : { affected: statement.run(values).changes }
    }),
    stop: () => database.close()
  }
}
