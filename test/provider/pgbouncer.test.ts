// PostgreSQL behind PgBouncer in transaction mode, which shares the server's connections between statements.
import * as Postgres from "effect-session/postgres"
import * as Sql from "effect-session/sql"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import { given, text, written } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import * as PgBouncer from "../servers/PgBouncer.js"
import * as PostgresServer from "../servers/Postgres.js"
import { shared } from "./shared.js"
import { postgres } from "./sqlDatabases.js"
import { providerOf } from "./sqlSuite.js"

const day = Duration.days(1)

suite("postgres behind PgBouncer, in transaction mode", ["postgres", "pgbouncer"], () => {
  const pooled = shared(
    Effect.flatMap(PostgresServer.make(), (server) => Effect.map(PgBouncer.make(server), (bouncer) => bouncer.url))
  )
  it.live("sessions work by default", () =>
    Effect.gen(function* () {
      const provider = yield* providerOf(Postgres.layer({ url: yield* pooled }))
      for (let round = 0; round < 3; round++) {
        const made = yield* Effect.all(
          Array.from({ length: 30 }, () => given(provider, "1")),
          { concurrency: 30 }
        )
        yield* Effect.all(
          made.map(({ id, revision }) => Effect.map(provider.write(id, Buffer.from("2"), day, revision), written)),
          { concurrency: 30 }
        )
        const read = yield* Effect.all(
          made.map(({ id }) => Effect.map(provider.read(id), text)),
          { concurrency: 30 }
        )
        expect(read).toEqual(Array(30).fill("2"))
        expect(yield* provider.gc!).toBe(0)
      }
    }).pipe(Effect.scoped)
  )
  it.live("on the app's client, too", () =>
    Effect.gen(function* () {
      const provider = yield* providerOf(
        Layer.provide(Sql.layer({ table: "on_the_apps_client" }), postgres(yield* pooled).client(10, false))
      )
      for (let round = 0; round < 3; round++) {
        yield* Effect.all(
          Array.from({ length: 30 }, () => given(provider, "1")),
          { concurrency: 30 }
        )
      }
    }).pipe(Effect.scoped)
  )
  it.live("and if they are told to prepare statements", () =>
    Effect.gen(function* () {
      const url = yield* pooled
      const providers = yield* Effect.all(
        Array.from({ length: 2 }, () => providerOf(Postgres.layer({ url, prepared: true })))
      )
      yield* Effect.all(
        Array.from({ length: 60 }, (_, i) => given(providers[i % 2]!, "1")),
        { concurrency: 30 }
      )
    }).pipe(Effect.scoped)
  )
})
