/**
 * The demo's route for the panel: a stream of server-sent events, for as long as the visitor's page and session are there.
 */
import { randomUUID } from "node:crypto"
import { SessionManager } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpRouter from "#effect/http/HttpRouter"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Stream from "#effect/Stream"
import { Feed, type Pages, toMessage } from "./feed.js"
import { AppSession } from "./session.js"
import { sessionName } from "./watching.js"

/** Another one with each start, so that a page sees that the demo was restarted. */
const start = randomUUID()

const stream = (feed: Pages) =>
  Effect.gen(function* () {
    const session = yield* AppSession
    const manager = yield* SessionManager.SessionManager
    // A page that stays open is no visit: with its streams alone the session ends as it would without them.
    yield* session.keepIdle
    const name = yield* sessionName
    const hello = toMessage("hello", { backend: manager.backend, start, session: name })
    // Nobody sees the end of a session that its client holds, so that no stream is longer than such a session may be idle.
    const ended =
      name === undefined
        ? Effect.never
        : Effect.catch(
            Effect.provideService(SessionManager.ended(session), SessionManager.SessionManager, manager),
            () => Effect.never
          )
    const over = Effect.race(ended, Effect.sleep(manager.config.idleTimeout))
    const messages = Stream.interruptWhen(feed.messages(name, `retry: 1000\n${hello}`), over)
    return HttpServerResponse.stream(Stream.encodeText(messages), { contentType: "text/event-stream" })
  })

export const events = Layer.unwrap(Effect.map(Feed, (feed) => HttpRouter.add("GET", "/events", stream(feed))))
