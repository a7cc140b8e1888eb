// beego's ssdb layout, on the stand-in or on the server that SSDB_URL names: conformance, and the values as beego has them.
import * as Effect from "#effect/Effect"
import { describe } from "#test/vitest"
import * as BeegoSsdb from "../../src/beego/layouts/ssdb.js"
import { conforms } from "../provider/conforms.js"
import { shared } from "../provider/shared.js"
import * as Servers from "../servers/Ssdb.js"
import { asBeego } from "./layout.js"

describe("beego's ssdb", () => {
  const server = shared<{ readonly url: string }>(
    process.env["SSDB_URL"] === undefined ? Servers.make() : Effect.succeed({ url: process.env["SSDB_URL"] })
  )
  const layer = Effect.map(server, ({ url }) => BeegoSsdb.layer({ url }))
  conforms(
    layer,
    { consistency: "compareContent", regenerate: "ordered", maxPayload: 8 * 1024 * 1024, expirySlack: 1_500 },
    false,
    false
  )
  asBeego(layer, server)
})
