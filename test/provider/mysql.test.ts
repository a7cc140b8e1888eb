// MySQL, tested on MariaDB: what all databases do, and what is its own.
import * as Effect from "#effect/Effect"
import * as Servers from "../servers/MariaDb.js"
import { suite } from "../servers/need.js"
import { shared } from "./shared.js"
import { mysql } from "./sqlDatabases.js"
import { databaseCases } from "./sqlSuite.js"

suite("mysql", ["mariadbd"], () => {
  const database = Effect.map(shared(Servers.make({ args: ["--max-allowed-packet=64M"] })), ({ url }) => mysql(url))
  databaseCases(database)
})
