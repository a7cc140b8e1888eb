// A move from one backend to another while the app runs and its users are there.
import { SessionLayer, SessionManager } from "effect-session"
import * as Postgres from "effect-session/postgres"
import * as Redis from "effect-session/redis"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import { options, visiting } from "../people/app.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"
import { app, copy } from "./copying.js"

/** How many sessions are moved under writes: with SOAK=1 as many as a large app has. */
const many = process.env["SOAK"] === "1" ? 100_000 : 2_000

suite("a move from Redis to PostgreSQL, under writes", ["redis-server", "postgres"], () => {
  const servers = shared(Effect.all([RedisServer.single(), PostgresServer.make()]))

  it.live(
    "loses no change that was acknowledged, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const [redis, postgres] = yield* servers
        // Patient, on a machine that does more than this.
        const timeout = "1 minute"
        const [from, to] = [Redis.layer({ url: redis.url, timeout }), Postgres.layer({ url: postgres.url })]
        const [before, after] = [
          { SESSION_PROVIDER: "redis", SESSION_URL: redis.url },
          { SESSION_PROVIDER: "postgres", SESSION_URL: postgres.url }
        ]
        const tokens = yield* Effect.gen(function* () {
          const visit = yield* Effect.provide(visiting, yield* Layer.build(SessionLayer.make(from, options)))
          return yield* Effect.forEach(
            Array.from({ length: many }, (_, i) => i),
            (i) =>
              Effect.map(visit(i % 10 === 0 ? `in?user=user${i % 1000}` : "write"), ({ status, token }) => {
                expect([status, typeof token]).toEqual([200, "string"])
                return token!
              }),
            { concurrency: 64 }
          )
        }).pipe(Effect.scoped)
        const written = tokens.map((_, i) => (i % 10 === 0 ? 0 : 1))

        const ended = new Set<number>()
        yield* Effect.gen(function* () {
          const context = yield* Layer.build(Layer.fresh(SessionLayer.moving({ from, to }, options)))
          const visit = yield* Effect.provide(visiting, context)
          let isOver = false
          const writing = yield* Effect.forkChild(
            Effect.forEach(
              [1, 2, 3, 4],
              () =>
                Effect.suspend(() => {
                  const i = Math.floor(Math.random() * many)
                  if (ended.has(i)) {
                    return Effect.void
                  }
                  if (i % 50 === 7) {
                    ended.add(i)
                    return Effect.asVoid(visit("out", tokens[i]))
                  }
                  return Effect.map(visit("write", tokens[i]), ({ status, token }) => {
                    expect([status, token]).toEqual([200, undefined])
                    written[i]! += 1
                  })
                }).pipe(Effect.repeat({ while: () => !isOver })),
              { concurrency: "unbounded" }
            )
          )
          const [moved, again] = yield* Effect.ensuring(
            Effect.all([copy(before, after, "--move"), copy(before, after, "--move")]),
            Effect.sync(() => {
              isOver = true
            })
          )
          yield* Fiber.join(writing)
          // On a slow machine it says how far it is.
          expect(moved).toMatchObject({ code: 0, err: expect.stringMatching(/^(\[.*left\n)*$/) })
          const [, count] = /^Moved ([\d,]+) sessions from redis to postgres/.exec(moved.out)!
          expect(Number(count!.replaceAll(",", ""))).toBeGreaterThan(0)
          expect(again.out).toMatch(/^Moved 0 sessions/)
        }).pipe(Effect.scoped)

        const { visit, within } = yield* app(after)
        const wrong = yield* Effect.forEach(
          tokens,
          (token, i) =>
            Effect.map(visit("look", token), ({ body }) => {
              const { count } = JSON.parse(body)
              return ended.has(i) ? count !== 0 : count !== written[i]
            }),
          { concurrency: 64 }
        )
        expect(wrong.filter((isWrong) => isWrong)).toEqual([])
        expect(ended.size).toBeGreaterThan(0)
        expect(yield* within(SessionManager.count)).toBe(many - ended.size)
        // People's lists have come along.
        expect(yield* within(SessionManager.sessionsOf("user0"))).toHaveLength(Math.ceil(many / 1000))
      }),
    many * 6 + 60_000
  )
})
