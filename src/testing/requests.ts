/**
 * Sends whole requests through the manager, for the cases of the conformance suite.
 */

import { strict as assert } from "node:assert"
import { webHandlers } from "#dialect/http"
import { loggedOnFailure } from "#dialect/logs"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import type * as Scope from "#effect/Scope"
import type * as SessionConfig from "../Manager/SessionConfig.js"
import * as SessionHttp from "../Manager/SessionHttp.js"
import * as SessionManager from "../Manager/SessionManager.js"
import { type Provider, SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import * as SessionStore from "../Store/SessionStore.js"
import type { Promised } from "./declared.js"
import { type CaseOf, defineFor, type Kind } from "./define.js"
import { turn } from "./support.js"
import type { Time } from "./time.js"

export const range = Array.from({ length: 64 }, (_, i) => i)

const fields: Record<`key${number}`, typeof Schema.Int> & Record<"count", SessionStore.Field<number, number, true>> = {
  count: SessionStore.field(Schema.Int, { default: () => 0 }),
  ...Object.fromEntries(range.map((i) => [`key${i}`, Schema.Int]))
}

class Probe extends SessionStore.Tag<Probe>()("Probe", fields) {}

export type ProbeSession = SessionStore.Session<(typeof Probe)["fields"]>

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** The cookie to send from now on: the one that was set, the one that was sent, or none. */
  readonly cookie: string | undefined
}

/** Sends a request with its own handler, like a browser. */
export type Send = <A>(
  cookie: string | undefined,
  handler: (session: ProbeSession) => Effect.Effect<A, SessionError, SessionManager.SessionManager>
) => Effect.Effect<Answer>

export interface Client {
  readonly send: Send
}

/**
 * Sends requests to a manager of its own, as to a process. Each handler waits for a turn of the event loop, so that
 * requests overlap.
 */
const makeSend = <E>(manager: Layer.Layer<SessionManager.SessionManager, E>): Effect.Effect<Send, E, Scope.Scope> =>
  Effect.flatMap(Layer.build(Layer.fresh(manager)), (context) =>
    Effect.map(
      Effect.provide(webHandlers<SessionManager.SessionManager>(), context),
      (handlers): Send =>
        (cookie, handler) =>
          Effect.promise(async () => {
            const handle = handlers(
              SessionHttp.middleware(Probe)(
                Effect.map(Effect.tap(Effect.flatMap(Probe, handler), turn), (body) =>
                  HttpServerResponse.jsonUnsafe({ body })
                )
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
    )
  )

/** Sends requests to a process over this provider. */
export const sendOver = (
  provider: Provider,
  options: SessionConfig.Options
): Effect.Effect<Send, SessionError, Scope.Scope> =>
  makeSend(
    Layer.provide(
      Layer.effect(SessionManager.SessionManager, SessionManager.make({ timeout, ...options })),
      Layer.succeed(SessionProvider, provider)
    )
  )

/**
 * Sends requests to two processes in turns: within one the changes of a session take turns, and never conflict in the
 * backend.
 */
const makeClient = (provider: Provider, options: SessionConfig.Options) => {
  const process = sendOver(provider, options)
  return Effect.map(Effect.all([process, process]), (processes): Client => {
    let sent = 0
    return { send: (...request) => processes[sent++ % 2]!(...request) }
  })
}

/**
 * Defines the cases of a promise in terms of requests; `wrap` puts a fault between the manager and the provider. The
 * log of a case is shown only if the case fails, since it reports faults that the case itself causes.
 */
export const defineRequestsFor =
  (promise: Promised) =>
  (
    name: string,
    test: (client: Client, provider: Provider, time: Time) => Effect.Effect<unknown, unknown>,
    {
      config = () => ({}),
      wrap = (provider) => provider,
      ...kind
    }: Kind & {
      readonly config?: (time: Time) => SessionConfig.Options
      readonly wrap?: (provider: Provider) => Provider
    } = {}
  ): CaseOf =>
    defineFor(promise)(
      name,
      (provider, time) =>
        makeClient(wrap(provider), config(time)).pipe(
          Effect.flatMap((client) => test(client, provider, time)),
          Effect.scoped,
          loggedOnFailure
        ),
      kind
    )

/** Generous: a busy machine is not the provider's fault. */
const timeout = "1 minute"

export const increment = (session: ProbeSession) => session.update("count", (n) => n + 1)

export const read = (session: ProbeSession) => session.get("count")

/** Begins a session, and returns its cookie. */
export const begin = (client: Client) =>
  Effect.map(
    client.send(undefined, (session) => session.set("count", 0)),
    ({ cookie }) => cookie!
  )

/** Runs `during` while a request is between its first look at the session and its end. */
export const during = <A, B>(
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
            Effect.andThen(Deferred.succeed(started, undefined)),
            Effect.andThen(Deferred.await(released)),
            Effect.andThen(end(session))
          )
        ),
        Effect.andThen(Deferred.await(started), Effect.ensuring(meanwhile, Deferred.succeed(released, undefined)))
      ],
      { concurrency: "unbounded" }
    )
    return slow
  })

export const signIn = (client: Client, cookie: string) => client.send(cookie, (session) => session.regenerate)

export const logout = (client: Client, cookie: string) => client.send(cookie, (session) => session.destroy)

export const assertSignedOut = (client: Client, cookie: string) =>
  Effect.map(
    client.send(cookie, (session) => session.isNew),
    ({ body }) => assert.equal(body, true, "the session is back")
  )
