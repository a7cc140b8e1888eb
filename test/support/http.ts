/**
 * A real server with sessions, and a client without a cookie jar and without hidden retries.
 */

import {
  SessionCodec,
  type SessionConfig,
  type SessionError,
  SessionManager,
  SessionProvider,
  SessionStore
} from "effect-session"
import { SealedSessions, type Sealing } from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpClient from "#effect/http/HttpClient"
import * as HttpClientRequest from "#effect/http/HttpClientRequest"
import type { HttpMethod } from "#effect/http/HttpMethod"
import * as HttpServer from "#effect/http/HttpServer"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import * as NodeHttpServer from "#test/NodeHttpServer"
import type { App } from "./app.js"

export class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  userId: Schema.String,
  visits: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

/**
 * A memory provider that lists the calls it gets. It waits like a server, so that timeouts and spans apply. The trial of
 * a layer that is built is neither listed nor changed.
 */
export interface Probe {
  readonly calls: Array<string>
  readonly provider: SessionProvider.Provider
}

/** The session of a trial: no test stores one without values. */
const ofTrial = Buffer.from(SessionCodec.json.encode({ createdAt: undefined, values: {} }) as Uint8Array)

export const probe = (
  change: (provider: SessionProvider.Provider) => Partial<SessionProvider.Provider> = () => ({})
): Probe => {
  const calls: Array<string> = []
  const trials = new Set<string>()
  const memory = Memory.make()
  const remote = { ...memory, capabilities: { ...memory.capabilities, inProcess: false } }
  const inner = { ...remote, ...change(remote) }
  const listed = <A>(
    name: string,
    id: string,
    call: (provider: SessionProvider.Provider) => Effect.Effect<A, SessionError>
  ) =>
    Effect.suspend(() => {
      if (trials.has(id)) {
        return Effect.andThen(Effect.yieldNow, call(remote))
      }
      calls.push(name)
      return Effect.andThen(Effect.yieldNow, call(inner))
    })
  return {
    calls,
    provider: {
      ...inner,
      read: (id) => listed("read", id, ({ read }) => read(id)),
      create: (id, payload, ttl) => {
        if (ofTrial.equals(payload)) {
          trials.add(id)
        }
        return listed("create", id, ({ create }) => create(id, payload, ttl))
      },
      write: (id, ...args) => listed("write", id, ({ write }) => write(id, ...args)),
      touch: (id, ttl) => listed("touch", id, ({ touch }) => touch(id, ttl)),
      exists: (id) => listed("exists", id, ({ exists }) => exists(id)),
      destroy: (id, mark) => listed("destroy", id, ({ destroy }) => destroy(id, mark)),
      regenerate: (move) => {
        if (trials.has(move.oldId)) {
          trials.add(move.newId)
        }
        return listed("regenerate", move.oldId, ({ regenerate }) => regenerate(move))
      }
    }
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The Set-Cookie lines. */
  readonly setCookie: ReadonlyArray<string>
  /** `name=value` of the cookie that was set. */
  readonly cookie: string | undefined
}

export type Send = (
  path: string,
  options?: { readonly method?: HttpMethod; readonly headers?: Readonly<Record<string, string>> }
) => Effect.Effect<Answer>

export interface Server {
  readonly send: Send
  /** Returns a `send` with this Cookie header. */
  readonly as: (cookie: string | undefined) => Send
  readonly url: string
  readonly manager: SessionManager.Manager
}

/**
 * A manager that by default does not collect garbage: each collection would wake a fiber, 720 times in half a day of
 * TestClock.
 */
export const managerLayer = (
  options: SessionConfig.Options = {},
  backend: SessionProvider.Provider | Sealing = Memory.make()
): Layer.Layer<SessionManager.SessionManager, SessionError> => {
  const config = { gcInterval: "3650 days", ...options } as const
  return "unseal" in backend
    ? Layer.provide(SessionManager.layerSealed(config), Layer.succeed(SealedSessions, backend))
    : Layer.provide(SessionManager.layer(config), Layer.succeed(SessionProvider.SessionProvider, backend))
}

/** Serves an app for as long as the scope is open. */
export const serve = <E>(
  app: App<E, SessionManager.SessionManager>,
  options: SessionConfig.Options = {},
  backend?: SessionProvider.Provider | Sealing
) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.provideMerge(HttpServer.serve(app), Layer.merge(NodeHttpServer.layerTest, managerLayer(options, backend)))
    )
    return yield* client(context)
  })

/** The client of a server that is built already. */
export const client = (
  context: Context.Context<HttpClient.HttpClient | HttpServer.HttpServer | SessionManager.SessionManager>
) =>
  Effect.sync((): Server => {
    const http = Context.get(context, HttpClient.HttpClient)
    const { address } = Context.get(context, HttpServer.HttpServer)
    const as =
      (cookie: string | undefined): Send =>
      (path, { headers = {}, method = "GET" } = {}) =>
        Effect.gen(function* () {
          const response = yield* http.execute(
            HttpClientRequest.make(method)(path, {
              headers: { ...headers, ...(cookie === undefined ? {} : { cookie }) }
            })
          )
          const set = response.headers["set-cookie"] as unknown as string | Array<string> | undefined
          const setCookie = set === undefined ? [] : Array.isArray(set) ? set : [set]
          return {
            status: response.status,
            headers: response.headers,
            body: yield* response.text,
            setCookie,
            cookie: setCookie[0]?.split(";")[0]
          }
        }).pipe(Effect.scoped, Effect.orDie)
    return {
      as,
      send: as(undefined),
      url: "port" in address ? `http://127.0.0.1:${address.port}` : "",
      manager: Context.get(context, SessionManager.SessionManager)
    }
  })
