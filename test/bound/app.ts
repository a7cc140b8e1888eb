/**
 * An app whose people's sessions are bound to their devices: `/in?user=ada`.
 */
import { SessionHttp, SessionManager, SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { makeBrowser, sendingTo } from "../support/dbsc.js"
import type { Server } from "../support/http.js"

export class Desk extends SessionStore.Tag<Desk>()("Desk", {
  count: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

type Session = SessionStore.Session<typeof Desk.fields>

const actions: Readonly<
  Record<string, (session: Session, asked: URLSearchParams) => Effect.Effect<unknown, any, any>>
> = {
  look: () => Effect.void,
  count: (session) => session.update("count", (n) => n + 1),
  saved: (session) => session.updateAndSave("count", (n) => n + 1),
  renew: (session) => session.regenerate,
  out: (session) => session.signOut,
  in: (session, asked) => session.signIn(asked.get("user")!, { remember: asked.has("remember") })
}

const listed = (user: string) =>
  Effect.map(SessionManager.sessionsOf(user), (sessions) => sessions.map(({ isBound }) => isBound))

export const app = Effect.flatMap(Effect.all([HttpServerRequest, Desk]), ([{ url }, session]) => {
  const { pathname, searchParams } = new URL(url, "http://localhost")
  return Effect.gen(function* () {
    if (pathname === "/list") {
      return HttpServerResponse.jsonUnsafe(yield* listed(searchParams.get("user")!))
    }
    yield* actions[pathname.slice(1)]!(session, searchParams)
    const user = Option.getOrElse(yield* session.principal, () => "nobody")
    return HttpServerResponse.text(`${user} ${yield* session.get("count")}`)
  })
}).pipe(SessionHttp.middleware(Desk))

/** The app with what answers browsers. */
export const served = SessionHttp.deviceBound(app)

export const browserAt = (server: Pick<Server, "url">, algorithm?: "ES256" | "RS256") =>
  makeBrowser(sendingTo(server.url), algorithm)

/** A browser whose user has signed in, and that has bound the session. */
export const boundBrowser = (server: Pick<Server, "url">, user = "ada", algorithm?: "ES256" | "RS256") =>
  Effect.gen(function* () {
    const browser = browserAt(server, algorithm)
    yield* browser.ask(`/in?user=${user}`)
    yield* browser.register()
    return browser
  })
