// SQLite: what all databases do, and what is its own.
import { describe } from "vitest"
import { shared } from "./shared.js"
import { sqlite } from "./sqlDatabases.js"
import { databaseCases } from "./sqlSuite.js"

describe("sqlite", () => {
  databaseCases(shared(sqlite))
})
