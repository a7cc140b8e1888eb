/**
 * Conformance: concurrent requests, through the manager. R1 to R12 are races in which session libraries are known to
 * lose or revive data.
 */
import { strict as assert } from "node:assert"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { SessionError } from "../SessionError.js"
import { type CaseOf, compareAndSet, has } from "./define.js"
import {
  type Answer,
  assertSignedOut,
  begin,
  defineRequestsFor,
  during,
  increment,
  logout,
  range,
  read,
  signIn
} from "./requests.js"
import { all } from "./support.js"

const updates = defineRequestsFor("no lost updates")
const moves = defineRequestsFor("a change of id is one step")
const ended = defineRequestsFor("what ended stays ended")
const marks = defineRequestsFor("marks stay where sessions ended")

export const raceCases: ReadonlyArray<CaseOf> = [
  updates(
    "R1: 64 requests at once set different keys: all are kept",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        yield* all(range.map((i) => client.send(cookie, (session) => session.set(`key${i}`, i))))
        const values = yield* client.send(cookie, (session) =>
          Effect.all(range.map((i) => Effect.map(session.get(`key${i}`), Option.getOrNull)))
        )
        assert.deepEqual(values.body, range)
      }),
    { needs: [compareAndSet], exclusive: true }
  ),

  updates(
    "R2: 64 requests at once update one key: all count",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const answers = yield* all(range.map(() => client.send(cookie, increment)))
        assert.ok(answers.every(({ status }) => status === 200))
        assert.equal((yield* client.send(cookie, read)).body, 64)
      }),
    { needs: [compareAndSet], exclusive: true }
  ),

  updates(
    "R2: 64 requests at once draw a number with updateAndSave: no two get the same",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const answers = yield* all(
          range.map(() => client.send(cookie, (session) => session.updateAndSave("count", (n) => n + 1)))
        )
        assert.deepEqual(
          answers.map(({ body }) => Number(body)).sort((a, b) => a - b),
          range.map((i) => i + 1)
        )
      }),
    { needs: [compareAndSet], exclusive: true }
  ),

  ended("R3: a request that writes after a logout does not bring the session back", (client) =>
    Effect.gen(function* () {
      const cookie = yield* begin(client)
      const late = yield* during(client, cookie, read, increment, logout(client, cookie))
      assert.equal(late.status, 200)
      assert.equal(late.cookie, cookie, "the late answer set a cookie")
      yield* assertSignedOut(client, cookie)
    })
  ),

  ended(
    "R3: 64 requests at once, a logout among them: the logout wins",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        yield* all(range.map((i) => (i === 20 ? logout(client, cookie) : client.send(cookie, increment))))
        yield* assertSignedOut(client, cookie)
      }),
    { exclusive: true }
  ),

  ended("R4: a request that renews the lifetime after a logout does not bring the session back", (client) =>
    Effect.gen(function* () {
      const cookie = yield* begin(client)
      yield* during(client, cookie, read, (session) => session.touch, logout(client, cookie))
      yield* assertSignedOut(client, cookie)
    })
  ),

  ended("R5: a request that only reads during a logout does not bring the session back", (client) =>
    Effect.gen(function* () {
      const cookie = yield* begin(client)
      const late = yield* during(client, cookie, read, read, logout(client, cookie))
      assert.equal(late.status, 200)
      yield* assertSignedOut(client, cookie)
    })
  ),

  moves(
    "R6: a request that writes while another regenerates does not split the session, nor lose what it wrote silently",
    (client, provider) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const signedIn = yield* Deferred.make<Answer>()
        const late = yield* during(
          client,
          cookie,
          read,
          increment,
          Effect.flatMap(signIn(client, cookie), (answer) => Deferred.succeed(signedIn, answer))
        )
        assert.equal(late.cookie, cookie, "the late answer set a cookie")
        const { cookie: next } = yield* Deferred.await(signedIn)
        assert.notEqual(next, cookie)
        yield* assertSignedOut(client, cookie)
        // A backend that keeps no marks cannot report where the session went.
        assert.equal((yield* client.send(next, read)).body, provider.marked === undefined ? 0 : 1)
      })
  ),

  moves(
    "R6: of 64 requests that write while another regenerates, those that are answered with a 2xx are in the successor",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const [signedIn, ...answers] = yield* all([
          signIn(client, cookie),
          ...range.map(() => client.send(cookie, increment))
        ])
        const acknowledged = answers.filter(({ status }) => status === 200).length
        const { body } = yield* client.send(signedIn!.cookie, read)
        assert.equal(body, acknowledged)
      }),
    { needs: [has("marked"), compareAndSet], exclusive: true }
  ),

  marks(
    "R6: a request that comes with the replaced id reads nothing, and neither begins a session nor sets a cookie",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const { cookie: next } = yield* signIn(client, cookie)
        const reading = yield* client.send(cookie, (session) => session.isNew)
        assert.deepEqual([reading.status, reading.body, reading.cookie], [200, true, cookie])
        const writing = yield* client.send(cookie, increment)
        assert.deepEqual([writing.status, writing.cookie], [503, cookie])
        assert.equal((yield* client.send(next, read)).body, 0)
        // A sign-in with the replaced id begins a new session.
        const again = yield* client.send(cookie, (session) =>
          Effect.andThen(session.regenerate, session.set("key1", 1))
        )
        assert.notEqual(again.cookie, cookie)
        assert.equal((yield* client.send(again.cookie, (session) => session.isNew)).body, false)
      }),
    { needs: [has("marked")] }
  ),

  moves(
    "R7: of 8 requests that regenerate one session at once, each is given a session of its own, and the old id is dead",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const allHaveRead = yield* Deferred.make<void>()
        let readers = 0
        const answers = yield* all(
          range.slice(0, 8).map((i) =>
            client.send(cookie, (session) =>
              Effect.gen(function* () {
                yield* read(session)
                yield* ++readers === 8 ? Deferred.succeed(allHaveRead, undefined) : Deferred.await(allHaveRead)
                yield* session.regenerate
                yield* session.set("count", i)
              })
            )
          )
        )
        assert.equal(new Set(answers.map((answer) => answer.cookie)).size, 8)
        for (const [i, answer] of answers.entries()) {
          assert.equal((yield* client.send(answer.cookie, read)).body, i)
        }
        yield* assertSignedOut(client, cookie)
      })
  ),

  ended(
    "R10: a session that expires during a request is not revived by its save",
    (client, _provider, time) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const late = yield* during(client, cookie, read, increment, time.passOver(2))
        assert.equal(late.cookie, cookie, "the late answer set a cookie")
        yield* assertSignedOut(client, cookie)
      }),
    { config: ({ seconds }) => ({ idleTimeout: seconds(2) }) }
  ),

  updates(
    "R12: a save that was applied but not acknowledged is answered with 503, and counts once",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        assert.equal((yield* client.send(cookie, increment)).status, 503)
        assert.equal((yield* client.send(cookie, read)).body, 1)
      }),
    {
      needs: [compareAndSet],
      wrap: (provider) => ({
        ...provider,
        write: (...args) =>
          Effect.andThen(
            provider.write(...args),
            Effect.fail(new SessionError({ reason: "Unavailable", message: "the acknowledgement was lost" }))
          )
      })
    }
  )
]
