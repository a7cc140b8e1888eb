// PostgreSQL: conformance.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Postgres from "effect-session/postgres"
import { afterAll, beforeAll } from "vitest"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Postgres.js"
import { conformance } from "./sqlSuite.js"

suite("PostgreSQL", ["postgres"], () => {
  const scope = Effect.runSync(Scope.make())
  let server: Servers.Postgres
  beforeAll(async () => {
    server = await Effect.runPromise(Scope.extend(Servers.make(), scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  conformance(Layer.suspend(() => Postgres.layer({ url: server.url })))
})
