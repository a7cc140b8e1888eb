/**
 * Couchbase: conformance, of the stand-in or of the real cluster that COUCHBASE_URL names; and what its documents are like.
 */
import { type Cluster, connect } from "couchbase"
import * as Couchbase from "effect-session/couchbase"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { describe, expect, it } from "#test/vitest"
import * as Servers from "../servers/Couchbase.js"
import { bytes, day, mindsOthers, newId, textOf, touchesAmongWrites, written } from "./cas.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

describe("Couchbase", () => {
  const target = shared(Servers.target())
  const opened = Effect.flatMap(target, ({ password, url, username }) =>
    Effect.acquireRelease(
      Effect.promise(() => connect(url, { username, password })),
      (cluster: Cluster) => Effect.promise(() => cluster.close())
    )
  )
  /** A client beside the provider. */
  const documents = Effect.zipWith(opened, target, (cluster, { bucket }) => cluster.bucket(bucket).defaultCollection())
  const make = (options: Partial<Couchbase.Options> = {}) =>
    Effect.flatMap(target, (target) => Couchbase.make({ url: Servers.sessionUrl(target), ...options }))

  conforms(
    Effect.map(target, (target) => Couchbase.layer({ url: Servers.sessionUrl(target), timeout: "20 seconds" })),
    { regenerate: "ordered", maxPayload: 20 * 1024 * 1024 - 21 },
    false
  )

  touchesAmongWrites(make())
  mindsOthers(make())

  it.live(
    "documents outlive their sessions by two seconds at most, and by a day more where a lifetime is a date of the server's clock",
    () =>
      Effect.gen(function* () {
        const [provider, collection] = yield* Effect.all([make({ prefix: "lives:" }), documents])
        for (const lifetime of [1.5, 29 * 86_400, 30 * 86_400 - 1, 30 * 86_400, 31 * 86_400, 400 * 86_400]) {
          const id = newId()
          const { expiresAt } = written(yield* provider.create(id, bytes("x"), Duration.seconds(lifetime)))
          const { expiryTime } = yield* Effect.promise(() => collection.get(`lives:${id}`, { withExpiry: true }))
          const margin = lifetime < 30 * 86_400 - 1 ? 0 : 86_400_000
          expect(expiryTime! * 1000 - expiresAt - margin).toBeGreaterThan(-1)
          expect(expiryTime! * 1000 - expiresAt - margin).toBeLessThan(2_000)
          yield* provider.destroy(id)
        }
      })
  )

  it.live("a lifetime beyond what the server can count ends in 2106", () =>
    Effect.gen(function* () {
      const [provider, collection] = yield* Effect.all([make({ prefix: "lives:" }), documents])
      const id = newId()
      yield* provider.create(id, bytes("x"), Duration.days(365 * 200))
      const { expiryTime } = yield* Effect.promise(() => collection.get(`lives:${id}`, { withExpiry: true }))
      expect(expiryTime).toBe(2 ** 32 - 1)
      yield* provider.destroy(id)
    })
  )

  it.live("a document that is no session is as good as none, and its place can be taken", () =>
    Effect.gen(function* () {
      const [provider, collection] = yield* Effect.all([make({ prefix: "other:" }), documents])
      for (const content of [{ some: "document" }, "text", Buffer.alloc(0)]) {
        const id = newId()
        yield* Effect.promise(() => collection.insert(`other:${id}`, content, { expiry: 60 }))
        expect(yield* provider.read(id)).toEqual(Option.none())
        written(yield* provider.create(id, bytes("mine"), day))
        expect(textOf(yield* provider.read(id))).toBe("mine")
        yield* provider.destroy(id)
      }
    })
  )

  it.live("a collection that the app has is used, and left open", () =>
    Effect.gen(function* () {
      const collection = yield* documents
      const id = newId()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const [one, other] = yield* Effect.all([Couchbase.make({ collection }), make()])
          yield* one.create(id, bytes("shared"), day)
          expect(textOf(yield* other.read(id))).toBe("shared")
        })
      )
      yield* Effect.promise(() => collection.remove(`session:${id}`))
    })
  )
})
