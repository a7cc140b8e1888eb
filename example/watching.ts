/**
 * Watches what the library does for a request: which calls of the backend it makes, and for which session.
 */
import { type SessionError, SessionManager, SessionProvider } from "effect-session"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpRouter from "#effect/http/HttpRouter"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as Option from "#effect/Option"
import { Feed } from "./feed.js"
import { AppSession } from "./session.js"

interface Call {
  readonly operation: SessionProvider.Operation
  readonly millis: number
}

/** What is noted while a request runs. */
class Notes extends Context.Service<
  Notes,
  {
    readonly calls: Array<Call>
    /** The names that the session has had, the last one when the request leaves. */
    readonly names: Array<string | undefined>
  }
>()("demo/Notes") {}

/** Notes a call for the request that makes it, if one does. */
const noted =
  (operation: SessionProvider.Operation) =>
  <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Effect.serviceOption(Notes), (notes) => {
      const began = performance.now()
      return Option.isNone(notes)
        ? call
        : Effect.ensuring(
            call,
            Effect.sync(() => notes.value.calls.push({ operation, millis: performance.now() - began }))
          )
    })

/** The provider, with its calls noted. */
export const watched = (provider: SessionProvider.Provider): SessionProvider.Provider => ({
  ...provider,
  ...SessionProvider.mapCalls<SessionError>(provider, noted, (list) => list)
})

/** The name of the visitor's session, if one is stored. */
export const sessionName = Effect.flatMap(AppSession, (session) =>
  Effect.flatMap(session.isNew, (isNew) =>
    isNew ? Effect.succeed(undefined) : Effect.flatMap(session.id, SessionManager.nameOf)
  )
)

/** Notes whose request it is. A handler that changes the session's id calls it first, too. */
export const noteName = Effect.flatMap(Notes, ({ names }) => Effect.map(sessionName, (name) => names.push(name)))

/**
 * Notes whose request it was. It goes inside the sessions' mount, and runs after the handler, which has read the session: if the
 * backend is down, the visitor does not wait for it twice.
 */
export const Naming = HttpRouter.middleware(
  Effect.map(SessionManager.SessionManager, (manager) => (handler) => {
    const note = Effect.provideService(noteName, SessionManager.SessionManager, manager)
    return Effect.tap(handler, () => Effect.catch(note, () => Effect.void))
  })
)

/** Tells the visitor's open pages of a request. It goes around the sessions' mount, so that the session is saved by then. */
export const Watching = HttpRouter.middleware<{ provides: Notes }>()(
  Effect.map(
    Feed,
    (feed) => (app) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
        const notes = { calls: [] as Call[], names: [] as (string | undefined)[] }
        const tell = Effect.sync(() => {
          const [before, name = before] = notes.names
          if (before !== undefined && name !== undefined && before !== name) feed.move(before, name)
          if (name !== undefined) feed.tellRequest(name, { method, path: url.split("?")[0]!, calls: notes.calls })
        })
        return Effect.ensuring(Effect.provideService(app, Notes, notes), tell)
      })
  )
)
