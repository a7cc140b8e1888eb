/**
 * SSDB: conformance.
 */
import * as Ssdb from "effect-session/ssdb"
import { describe } from "vitest"
import * as Effect from "#effect/Effect"
import * as Servers from "../servers/Ssdb.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

describe("ssdb", () => {
  const server =
    process.env["SSDB_URL"] === undefined ? Servers.make() : Effect.succeed({ url: process.env["SSDB_URL"] })
  conforms(
    // A busy machine may hold a lock's holder up for more than half of the default.
    Effect.map(shared(server), ({ url }) => Ssdb.layer({ url, timeout: "10 seconds" })),
    { maxPayload: 8 * 1024 * 1024, expirySlack: 1_500 }
  )
})
