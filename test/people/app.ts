// An app in which people sign in on several devices, and end each other: `/in?user=ada&remember=true`.
import { SessionHttp, SessionManager, SessionStore } from "effect-session"
import { webHandlers } from "#dialect/http"
import * as Effect from "#effect/Effect"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"

export class Device extends SessionStore.Tag<Device>()("Device", {
  count: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

type Session = SessionStore.Session<typeof Device.fields>

/** What a request sees of its session, at its end. */
export interface Seen {
  readonly user: string | undefined
  readonly count: number
}

/** A session in somebody's list. */
export interface Shown {
  readonly ref: string
  readonly count: number
  readonly isCurrent: boolean
  readonly isRemembered: boolean
}

const increment = ({ update }: Session) => update("count", (n) => n + 1)

/** With `resu`, the person's name does not stand in the URL, which spans and logs may show. */
const userOf = (asked: URLSearchParams): string => asked.get("user") ?? [...asked.get("resu")!].reverse().join("")

const actions: Readonly<
  Record<string, (session: Session, asked: URLSearchParams) => Effect.Effect<unknown, any, any>>
> = {
  look: () => Effect.void,
  write: increment,
  renew: (session) => session.regenerate,
  out: (session) => session.signOut,
  in: (session, asked) =>
    session.signIn(userOf(asked), asked.has("remember") ? { remember: asked.get("remember") === "true" } : undefined),
  others: (session) => SessionManager.endOthers(session)
}

const listed = (user: string) =>
  Effect.map(SessionManager.sessionsOf(Device, user), (sessions) =>
    sessions.map(
      ({ get, isCurrent, isRemembered, ref }): Shown => ({ ref, isCurrent, isRemembered, count: get("count") })
    )
  )

const seenIn = ({ get, principal }: Session): Effect.Effect<Seen, unknown> =>
  Effect.map(Effect.all([principal, get("count")]), ([user, count]) => ({ user: Option.getOrUndefined(user), count }))

export const app = Effect.flatMap(Effect.all([HttpServerRequest, Device]), ([{ url }, session]) => {
  const { pathname, searchParams } = new URL(url, "http://localhost")
  return Effect.gen(function* () {
    // Each request uses the session it has.
    yield* seenIn(session)
    if (pathname === "/list") {
      return HttpServerResponse.jsonUnsafe(yield* listed(userOf(searchParams)))
    }
    yield* actions[pathname.slice(1)]!(session, searchParams)
    return HttpServerResponse.jsonUnsafe(yield* seenIn(session))
  })
}).pipe(SessionHttp.middleware(Device))

export interface Told {
  readonly status: number
  readonly body: string
  /** The cookie's value that the response sets, `forget` if it removes the cookie, undefined if it leaves it. */
  readonly token: string | undefined
}

/** Sends a request with this value of the cookie. */
export type Visit = (path: string, token?: string) => Effect.Effect<Told>

/** Sends requests to the app, over the manager and the clock that the caller has. */
export const visiting: Effect.Effect<Visit, never, SessionManager.SessionManager> = Effect.map(
  webHandlers<SessionManager.SessionManager>(),
  (handlers): Visit => {
    const handler = handlers(app)
    return (path, token) =>
      Effect.promise(async () => {
        const headers: HeadersInit = token === undefined ? {} : { cookie: `id=${token}` }
        const response = await handler(new Request(`http://localhost/${path}`, { headers }))
        const line = response.headers.getSetCookie()[0]
        return {
          status: response.status,
          body: await response.text(),
          token: line === undefined ? undefined : /;\s*Max-Age=0/.test(line) ? "forget" : /=([^;]*)/.exec(line)![1]!
        }
      })
  }
)

/** How apps of these tests are configured: no random pauses, and all times different. */
export const options = { cookie: { secure: false }, gcInterval: "3650 days", timeout: "1 minute" } as const
