// PostgreSQL: what all databases do, and what is its own.
import * as Effect from "#effect/Effect"
import { maxPayload } from "#test/sqlClients"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Postgres.js"
import { shared } from "./shared.js"
import { postgres } from "./sqlDatabases.js"
import { databaseCases } from "./sqlSuite.js"

suite("postgres", ["postgres"], () => {
  const database = Effect.map(shared(Servers.make()), ({ url }) => postgres(url))
  databaseCases(database, { maxPayload })
})
