// Sessions of this library's own that move to another backend while their users are there.

import { join } from "node:path"
import { SessionLayer, SessionManager, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import * as Postgres from "effect-session/postgres"
import * as Redis from "effect-session/redis"
import * as Sqlite from "effect-session/sqlite"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import { describe, expect, it } from "#test/vitest"
import { folder } from "../cli/backends.js"
import type { ProviderLayer } from "../identity/backends.js"
import { options, visiting } from "../people/app.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"

/** One process of the app. */
const process = (layer: Layer.Layer<SessionManager.SessionManager, unknown>) =>
  Effect.map(Layer.build(Layer.fresh(layer)), (context) => ({
    visit: Effect.runSync(Effect.provide(visiting, context)),
    within: <A, E>(effect: Effect.Effect<A, E, SessionManager.SessionManager>) => Effect.provide(effect, context)
  }))

interface Places {
  readonly old: ProviderLayer
  readonly next: ProviderLayer
}

const alone = (layer: ProviderLayer) => process(SessionLayer.make(layer, options))

const between = (from: ProviderLayer, to: ProviderLayer) => process(SessionLayer.moving({ from, to }, options))

const json = (text: string) => JSON.parse(text) as { readonly user?: string; readonly count: number }

const onPlaces = (tests: (places: Effect.Effect<Places, never, Scope.Scope>) => void) => {
  describe("from memory to memory", () => {
    tests(
      Effect.sync(() => {
        const [old, next] = [Memory.make(), Memory.make()]
        return {
          old: Layer.succeed(SessionProvider.SessionProvider, old),
          next: Layer.succeed(SessionProvider.SessionProvider, next)
        }
      })
    )
  })
  describe("from files to SQLite", () => {
    tests(
      Effect.map(Effect.all([folder, folder]), ([directory, other]) => ({
        old: File.layer({ directory }),
        next: Sqlite.layer({ filename: join(other, "sessions.sqlite") })
      }))
    )
  })
  suite("from Redis to PostgreSQL", ["redis-server", "postgres"], () => {
    const redis = shared(RedisServer.single())
    const postgres = shared(PostgresServer.make())
    let n = 0
    tests(
      Effect.map(Effect.all([redis, postgres]), ([redis, postgres]) => ({
        old: Redis.layer({ url: redis.url, prefix: `moving${++n}:` }),
        next: Postgres.layer({ url: postgres.url, table: `moving${n}` })
      }))
    )
  })
}

onPlaces((places) => {
  it.live("a session goes on with its id, its values, its person and its start", () =>
    Effect.gen(function* () {
      const { next, old } = yield* places
      const before = yield* alone(old)
      const visitor = yield* before.visit("write")
      const ada = yield* before.visit("in?user=ada")
      yield* before.visit("in?user=ada&remember=true")
      yield* before.visit("write", ada.token)
      const shown = yield* before.visit("list?user=ada")

      const during = yield* between(old, next)
      expect(json((yield* during.visit("write", visitor.token)).body)).toEqual({ count: 2 })
      expect(yield* during.visit("list?user=ada")).toMatchObject({ body: shown.body })
      const seen = yield* during.visit("look", ada.token)
      expect([seen.token, json(seen.body)]).toEqual([undefined, { user: "ada", count: 1 }])
      expect(json((yield* before.visit("look", ada.token)).body)).toEqual({ count: 0 })

      const after = yield* alone(next)
      expect(json((yield* after.visit("look", visitor.token)).body)).toEqual({ count: 2 })
      expect(json((yield* after.visit("look", ada.token)).body)).toEqual({ user: "ada", count: 1 })
      expect(yield* after.visit("list?user=ada")).toMatchObject({ body: shown.body })
    })
  )

  it.live("what ends while it moves does not come back, wherever it was", () =>
    Effect.gen(function* () {
      const { next, old } = yield* places
      const before = yield* alone(old)
      const [one, two, three, other] = yield* Effect.forEach(
        ["in?user=ada", "in?user=ada", "in?user=ada", "in?user=bob"],
        (path) => Effect.map(before.visit(path), ({ token }) => token!)
      )
      const during = yield* between(old, next)
      // One has moved, one signs out before it has, and the last has not been seen.
      yield* during.visit("look", one)
      yield* during.visit("out", two)
      yield* during.within(SessionManager.endAll("ada"))
      for (const token of [one!, two!, three!]) {
        expect(json((yield* during.visit("look", token)).body).user).toBeUndefined()
        expect(json((yield* (yield* alone(next)).visit("look", token)).body).user).toBeUndefined()
        expect(json((yield* before.visit("look", token)).body).user).toBeUndefined()
      }
      expect(json((yield* during.visit("look", other)).body).user).toBe("bob")
      yield* during.within(SessionManager.endEverything)
      expect(json((yield* during.visit("look", other)).body).user).toBeUndefined()
    })
  )

  it.live("one process after the other changes over, under writes: each that was acknowledged is there", () =>
    Effect.gen(function* () {
      const { next, old } = yield* places
      const users = ["ada", "bob", "eve"]
      const tokens = yield* Effect.flatMap(alone(old), ({ visit }) =>
        Effect.forEach(users, (user) => Effect.map(visit(`in?user=${user}`), ({ token }) => token!))
      )
      const signedIn = new Map(users.map((user) => [user, 1]))
      const written = tokens.map(() => 0)
      /** Two processes side by side, as in a deployment, each under requests. */
      const both = (
        ...processes: ReadonlyArray<Effect.Effect<Effect.Success<ReturnType<typeof alone>>, unknown, Scope.Scope>>
      ) =>
        Effect.scoped(
          Effect.gen(function* () {
            const running = yield* Effect.all(processes)
            yield* Effect.forEach(
              Array.from({ length: 60 }, (_, i) => i),
              (i) => {
                const { visit } = running[i % running.length]!
                const which = i % tokens.length
                if (i % 10 === 9) {
                  return Effect.map(visit(`in?user=${users[which]}`), ({ status }) => {
                    expect(status).toBe(200)
                    signedIn.set(users[which]!, signedIn.get(users[which]!)! + 1)
                  })
                }
                return Effect.map(visit("write", tokens[which]), ({ status, token }) => {
                  expect([status, token]).toEqual([200, undefined])
                  written[which]! += 1
                })
              },
              { concurrency: 6 }
            )
            // As `copy --move` does.
            yield* Effect.forEach(users, (user) => running.at(-1)!.within(SessionManager.sessionsOf(user)))
          })
        )
      yield* both(alone(old), between(next, old))
      yield* both(between(next, old), between(old, next))
      yield* both(between(old, next))
      const { visit, within } = yield* alone(next)
      const counts = yield* Effect.forEach(tokens, (token) =>
        Effect.map(visit("look", token), ({ body }) => json(body).count)
      )
      expect(counts).toEqual(written)
      expect(written.reduce((sum, n) => sum + n)).toBe(3 * 54)
      for (const [user, times] of signedIn) {
        expect(yield* within(SessionManager.sessionsOf(user))).toHaveLength(times)
      }
    })
  )
})

describe("a move", () => {
  it.live("between two places that are one is refused", () =>
    Effect.gen(function* () {
      const layer = File.layer({ directory: yield* folder })
      const exit = yield* Effect.exit(between(layer, layer))
      expect(Exit.isFailure(exit) ? String(exit.cause) : "built").toMatch(/same place/)
    })
  )
})
