// beego's ledis layout on a real ledis-server: conformance, and the values as beego has them.
import * as Effect from "#effect/Effect"
import * as BeegoLedis from "../../src/beego/layouts/ledis.js"
import { conforms } from "../provider/conforms.js"
import { shared } from "../provider/shared.js"
import * as Servers from "../servers/Ledis.js"
import { suite } from "../servers/need.js"
import { asBeego } from "./layout.js"

suite("beego's ledis", ["ledis-server"], () => {
  const server = shared<{ readonly url: string }>(Servers.make())
  const layer = Effect.map(server, ({ url }) => BeegoLedis.layer({ url }))
  conforms(
    layer,
    { consistency: "compareContent", regenerate: "ordered", maxPayload: 64 * 1024, expirySlack: 3_200 },
    false,
    false
  )
  asBeego(layer, server)
})
