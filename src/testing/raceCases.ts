/**
 * Conformance: whole requests at the same time, through the manager. R1 to R12 are the races by which session libraries are known to
 * lose or revive data.
 */
import { strict as assert } from "node:assert"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SessionConfig from "../Manager/SessionConfig.js"
import * as SessionHttp from "../Manager/SessionHttp.js"
import * as SessionManager from "../Manager/SessionManager.js"
import { type Provider, SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import * as SessionStore from "../Store/SessionStore.js"
import type { CaseOf, Options } from "./Conformance.js"
import { compareAndSet } from "./support.js"

const range = Array.from({ length: 64 }, (_, i) => i)

const fields: Record<`key${number}`, typeof Schema.Int> & Record<"count", SessionStore.Field<number, number, true>> = {
  count: SessionStore.field(Schema.Int, { default: () => 0 }),
  ...Object.fromEntries(range.map((i) => [`key${i}`, Schema.Int]))
}

class Probe extends SessionStore.Tag<Probe>()("Probe", fields) {}

type ProbeSession = SessionStore.Session<(typeof Probe)["fields"]>

interface Answer {
  readonly status: number
  readonly body: unknown
  /** The cookie to send from now on: the one that was set, the one that was sent, or none. */
  readonly cookie: string | undefined
}

/** Sends requests, each with a handler of its own, as browsers do. */
interface Client {
  readonly send: <A>(
    cookie: string | undefined,
    handler: (session: ProbeSession) => Effect.Effect<A, SessionError>
  ) => Effect.Effect<Answer>
}

const makeClient: Effect.Effect<Client, never, SessionManager.SessionManager> = Effect.map(
  Effect.runtime<SessionManager.SessionManager>(),
  (runtime) => ({
    send: (cookie, handler) =>
      Effect.promise(async () => {
        const handle = HttpApp.toWebHandlerRuntime(runtime)(
          SessionHttp.middleware(Probe)(
            Effect.map(Effect.flatMap(Probe, handler), (body) => HttpServerResponse.unsafeJson({ body }))
          )
        )
        const response = await handle(
          new Request("http://localhost/", cookie === undefined ? {} : { headers: { cookie } })
        )
        const set = response.headers.getSetCookie()[0]?.split(";")[0]
        const { body } = response.status === 200 ? ((await response.json()) as { readonly body: unknown }) : {}
        return {
          status: response.status,
          body,
          cookie: set === undefined ? cookie : set.endsWith("=") ? undefined : set
        }
      })
  })
)

/** Defines a case in terms of requests; `wrap` puts a fault between the manager and the provider. */
const define = (
  name: string,
  test: (client: Client, provider: Provider, options: Options) => Effect.Effect<unknown, unknown>,
  {
    only = () => true,
    options: config = {},
    wrap = (provider) => provider
  }: {
    readonly only?: (provider: Provider) => boolean
    readonly options?: SessionConfig.Options
    readonly wrap?: (provider: Provider) => Provider
  } = {}
): CaseOf => ({
  name,
  test: (options) =>
    Effect.flatMap(SessionProvider, (provider) =>
      only(provider)
        ? Effect.flatMap(makeClient, (client) => Effect.asVoid(test(client, provider, options))).pipe(
            Effect.provide(
              Layer.provide(
                SessionManager.layer(SessionConfig.make(config)),
                Layer.succeed(SessionProvider, wrap(provider))
              )
            )
          )
        : Effect.void
    )
})

const all = <A, E>(effects: ReadonlyArray<Effect.Effect<A, E>>) => Effect.all(effects, { concurrency: "unbounded" })

const increment = (session: ProbeSession) => session.update("count", (n) => n + 1)

const read = (session: ProbeSession) => session.get("count")

/** A signed-in browser. */
const begin = (client: Client) =>
  Effect.map(
    client.send(undefined, (session) => session.set("count", 0)),
    ({ cookie }) => cookie!
  )

/** Runs `during` while a request is between its first look at the session and its end. */
const during = <A, B>(
  client: Client,
  cookie: string,
  start: (session: ProbeSession) => Effect.Effect<unknown, SessionError>,
  end: (session: ProbeSession) => Effect.Effect<A, SessionError>,
  meanwhile: Effect.Effect<B>
) =>
  Effect.gen(function* () {
    const started = yield* Deferred.make<void>()
    const released = yield* Deferred.make<void>()
    const [slow] = yield* Effect.all(
      [
        client.send(cookie, (session) =>
          start(session).pipe(
            Effect.zipRight(Deferred.succeed(started, undefined)),
            Effect.zipRight(Deferred.await(released)),
            Effect.zipRight(end(session))
          )
        ),
        Effect.zipRight(Deferred.await(started), Effect.ensuring(meanwhile, Deferred.succeed(released, undefined)))
      ],
      { concurrency: "unbounded" }
    )
    return slow
  })

const signIn = (client: Client, cookie: string) => client.send(cookie, (session) => session.regenerate)

const logout = (client: Client, cookie: string) => client.send(cookie, (session) => session.destroy)

const assertSignedOut = (client: Client, cookie: string) =>
  Effect.map(
    client.send(cookie, (session) => session.isNew),
    ({ body }) => assert.equal(body, true, "the session is back")
  )

export const raceCases: ReadonlyArray<CaseOf> = [
  define(
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
    { only: compareAndSet }
  ),

  define(
    "R2: 64 requests at once update one key: all count",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const answers = yield* all(range.map(() => client.send(cookie, increment)))
        assert.ok(answers.every(({ status }) => status === 200))
        assert.equal((yield* client.send(cookie, read)).body, 64)
      }),
    { only: compareAndSet }
  ),

  define(
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
    { only: compareAndSet }
  ),

  define("R3: a request that writes after a logout does not bring the session back", (client) =>
    Effect.gen(function* () {
      const cookie = yield* begin(client)
      const late = yield* during(client, cookie, read, increment, logout(client, cookie))
      assert.equal(late.status, 200)
      assert.equal(late.cookie, cookie, "the late answer set a cookie")
      yield* assertSignedOut(client, cookie)
    })
  ),

  define("R3: 64 requests at once, a logout among them: the logout wins", (client) =>
    Effect.gen(function* () {
      const cookie = yield* begin(client)
      yield* all(range.map((i) => (i === 20 ? logout(client, cookie) : client.send(cookie, increment))))
      yield* assertSignedOut(client, cookie)
    })
  ),

  define("R4: a request that renews the lifetime after a logout does not bring the session back", (client) =>
    Effect.gen(function* () {
      const cookie = yield* begin(client)
      yield* during(client, cookie, read, (session) => session.touch, logout(client, cookie))
      yield* assertSignedOut(client, cookie)
    })
  ),

  define("R5: a request that only reads during a logout does not bring the session back", (client) =>
    Effect.gen(function* () {
      const cookie = yield* begin(client)
      const late = yield* during(client, cookie, read, read, logout(client, cookie))
      assert.equal(late.status, 200)
      yield* assertSignedOut(client, cookie)
    })
  ),

  define(
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
        // A backend that keeps no marks cannot tell where the session went; its events can.
        assert.equal((yield* client.send(next, read)).body, provider.marked === undefined ? 0 : 1)
      })
  ),

  define(
    "R6: of 64 requests that write while another regenerates, those that are answered with a 2xx are in the successor",
    (client, provider) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const [signedIn, ...answers] = yield* all([
          signIn(client, cookie),
          ...range.map(() => client.send(cookie, increment))
        ])
        const acknowledged = answers.filter(({ status }) => status === 200).length
        const { body } = yield* client.send(signedIn!.cookie, read)
        assert.ok(
          provider.marked === undefined || body === acknowledged,
          `${acknowledged} acknowledged, ${body} stored`
        )
      })
  ),

  define(
    "R6: a request that comes with the replaced id reads nothing, and neither begins a session nor sets a cookie",
    (client, provider) =>
      provider.marked === undefined
        ? Effect.void
        : Effect.gen(function* () {
            const cookie = yield* begin(client)
            const { cookie: next } = yield* signIn(client, cookie)
            const reading = yield* client.send(cookie, (session) => session.isNew)
            assert.deepEqual([reading.status, reading.body, reading.cookie], [200, true, cookie])
            const writing = yield* client.send(cookie, increment)
            assert.deepEqual([writing.status, writing.cookie], [503, cookie])
            assert.equal((yield* client.send(next, read)).body, 0)
            // A sign-in of its own begins a session.
            const again = yield* client.send(cookie, (session) =>
              Effect.zipRight(session.regenerate, session.set("key1", 1))
            )
            assert.notEqual(again.cookie, cookie)
            assert.equal((yield* client.send(again.cookie, (session) => session.isNew)).body, false)
          })
  ),

  define(
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

  define(
    "R10: a session that expires during a request is not revived by its save",
    (client, provider, { pass }) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        const late = yield* during(client, cookie, read, increment, pass(1_000 + provider.capabilities.expirySlack))
        assert.equal(late.cookie, cookie, "the late answer set a cookie")
        yield* assertSignedOut(client, cookie)
      }),
    { options: { idleTimeout: "1 second" } }
  ),

  define(
    "R12: a save that was applied but not acknowledged is answered with 503, and counts once",
    (client) =>
      Effect.gen(function* () {
        const cookie = yield* begin(client)
        assert.equal((yield* client.send(cookie, increment)).status, 503)
        assert.equal((yield* client.send(cookie, read)).body, 1)
      }),
    {
      only: compareAndSet,
      wrap: (provider) => ({
        ...provider,
        write: (...args) =>
          Effect.zipRight(
            provider.write(...args),
            Effect.fail(new SessionError({ reason: "Unavailable", message: "the acknowledgement was lost" }))
          )
      })
    }
  )
]
