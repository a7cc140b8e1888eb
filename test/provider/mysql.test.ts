// MySQL, tested on MariaDB: conformance.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Mysql from "effect-session/mysql"
import { afterAll, beforeAll } from "vitest"
import * as MariaDb from "../servers/MariaDb.js"
import { suite } from "../servers/need.js"
import { conformance } from "./sqlSuite.js"

suite("MySQL", ["mariadbd"], () => {
  const scope = Effect.runSync(Scope.make())
  let server: MariaDb.MariaDb
  beforeAll(async () => {
    server = await Effect.runPromise(Scope.extend(MariaDb.make({ args: ["--max-allowed-packet=64M"] }), scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  conformance(Layer.suspend(() => Mysql.layer({ url: server.url })))
})
