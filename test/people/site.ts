// A site whose requests each bring a handler of their own, and a browser's jar, on the test's clock.
import {
  type SessionConfig,
  type SessionError,
  SessionHttp,
  SessionManager,
  SessionProvider,
  SessionStore
} from "effect-session"
import * as Memory from "effect-session/memory"
import { webHandlers } from "#dialect/http"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import type * as Scope from "#effect/Scope"

export class Shop extends SessionStore.Tag<Shop>()("Shop", {
  cart: Schema.String,
  agent: Schema.String,
  count: SessionStore.field(Schema.Int, { default: () => 0 })
}) {}

export type ShopSession = SessionStore.Session<(typeof Shop)["fields"]>

export interface Answer {
  readonly status: number
  readonly body: any
  readonly headers: Headers
  readonly setCookie: ReadonlyArray<string>
  /** Of the cookie that was set, in seconds. */
  readonly maxAge: number | undefined
}

export type Handler<A> = (session: ShopSession) => Effect.Effect<A, SessionError, SessionManager.SessionManager>

export interface Browser {
  /** Sends a request with the cookie in the jar, and keeps the one that is set. */
  readonly go: <A>(handler: Handler<A>) => Effect.Effect<Answer>
  /** Sends a request with the cookie in the jar, and loses the answer. */
  readonly lose: <A>(handler: Handler<A>) => Effect.Effect<Answer>
  cookie: string | undefined
}

export interface Site {
  readonly send: <A>(cookie: string | undefined, handler: Handler<A>) => Effect.Effect<Answer>
  readonly browser: () => Browser
  readonly manager: SessionManager.Manager
}

/** Runs requests and jobs on one manager. */
export const site = (
  options: SessionConfig.Options = {},
  manager: Layer.Layer<SessionManager.SessionManager, SessionError> = over(Memory.make(), options)
): Effect.Effect<Site, SessionError, Scope.Scope> =>
  Effect.flatMap(Layer.build(Layer.fresh(manager)), (context) =>
    Effect.provide(
      Effect.gen(function* () {
        const handlers = yield* webHandlers<SessionManager.SessionManager>()
        const send: Site["send"] = (cookie, handler) =>
          Effect.promise(async () => {
            const handle = handlers(
              SessionHttp.middleware(Shop)(
                Effect.map(Effect.flatMap(Shop, handler), (body) =>
                  HttpServerResponse.jsonUnsafe({ body: body === undefined ? null : body })
                )
              )
            )
            const response = await handle(
              new Request("http://localhost/", cookie === undefined ? {} : { headers: { cookie } })
            )
            const setCookie = response.headers.getSetCookie()
            const maxAge = /Max-Age=(\d+)/.exec(setCookie[0] ?? "")?.[1]
            const { body } = response.status === 200 ? ((await response.json()) as { readonly body: unknown }) : {}
            return {
              status: response.status,
              body,
              headers: response.headers,
              setCookie,
              maxAge: maxAge === undefined ? undefined : Number(maxAge)
            }
          })
        const browser = (): Browser => {
          const own: Browser = {
            cookie: undefined,
            lose: (handler) => send(own.cookie, handler),
            go: (handler) =>
              Effect.map(send(own.cookie, handler), (answer) => {
                const set = answer.setCookie[0]?.split(";")[0]
                if (set !== undefined) {
                  own.cookie = set.endsWith("=") ? undefined : set
                }
                return answer
              })
          }
          return own
        }
        return { send, browser, manager: yield* SessionManager.SessionManager }
      }),
      context
    )
  )

export const over = (provider: SessionProvider.Provider, options: SessionConfig.Options = {}) =>
  // Days pass in these tests.
  SessionManager.layer({ gcInterval: "3650 days", ...options }).pipe(
    Layer.provide(Layer.succeed(SessionProvider.SessionProvider, provider))
  )

export const signIn = (who: string, options?: SessionStore.SignInOptions) => (session: ShopSession) =>
  session.signIn(who, options)

export const principal = (session: ShopSession) =>
  Effect.map(session.principal, (who) => (who._tag === "Some" ? who.value : null))

export const increment = (session: ShopSession) => session.update("count", (n) => n + 1)

export const signOut = (session: ShopSession) => session.signOut

/** What a list tells, without times. */
export const devices =
  (who: string): Handler<ReadonlyArray<readonly [ref: string, isCurrent: boolean]>> =>
  () =>
    Effect.map(SessionManager.sessionsOf(who), (all) => all.map(({ isCurrent, ref }) => [ref, isCurrent] as const))
