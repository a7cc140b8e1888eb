/**
 * What each visitor's open pages are told: the events of the visitor's own session, and the calls of the visitor's
 * requests. It holds names of sessions, and neither ids nor values.
 */
import { SessionManager } from "effect-session"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Queue from "#effect/Queue"
import * as Schedule from "#effect/Schedule"
import * as Stream from "#effect/Stream"

/** A server-sent event. `undefined` is the end of the stream. */
type Message = string | undefined

interface Visitor {
  /** For the page that is opened next, as after a redirect. */
  recent: ReadonlyArray<string>
  /** The session's name since it got another id. */
  successor: string | undefined
}

const mostVisitors = 1_000
const mostRecent = 40

export const message = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** Proxies and browsers give up connections on which nothing happens. */
const heartbeat = ":\n\n"

const make = () => {
  const visitors = new Map<string, Visitor>()
  const pages = new Map<Queue.Enqueue<Message>, string | undefined>()
  let over = false

  const visitor = (name: string): Visitor => {
    const found = visitors.get(name) ?? { recent: [], successor: undefined }
    // The last in the map is the one that was there last.
    visitors.delete(name)
    visitors.set(name, found)
    if (visitors.size > mostVisitors) visitors.delete(visitors.keys().next().value!)
    return found
  }

  const send = (isFor: (name: string | undefined) => boolean, message: Message): void => {
    for (const [page, name] of pages) if (isFor(name)) Queue.offerUnsafe(page, message)
  }

  /** Ends the streams of a session: their pages ask again, each with the cookie that it has now. */
  const end = (ended: string): void => send((name) => name === ended, undefined)

  const tell = (session: string, event: string, data: unknown): void => {
    const to = visitor(session)
    if (to.successor === undefined) {
      const text = message(event, data)
      to.recent = [...to.recent, text].slice(-mostRecent)
      send((name) => name === session, text)
    } else {
      tell(to.successor, event, data)
    }
  }

  /**
   * The session goes on under another id. Streams that were opened with the old one end: that may have been planted by
   * somebody else, who must not see what happens from now on.
   */
  const move = (before: string, after: string): void => {
    const [from, to] = [visitor(before), visitor(after)]
    to.recent = [...from.recent, ...to.recent].slice(-mostRecent)
    from.recent = []
    from.successor = after
    end(before)
  }

  /** The messages for a page: `hello`, what a session of this name was told of late, and what comes. */
  const messages = (name: string | undefined, hello: string): Stream.Stream<string> =>
    Stream.unwrap(
      Effect.acquireRelease(
        Effect.tap(Queue.sliding<Message>(1_024), (page) =>
          Effect.sync(() => {
            pages.set(page, name)
            const recent = name === undefined ? [] : visitor(name).recent
            for (const text of [hello, ...recent]) Queue.offerUnsafe(page, text)
            if (over) Queue.offerUnsafe(page, undefined)
          })
        ),
        (page) =>
          Effect.andThen(
            Effect.sync(() => pages.delete(page)),
            Queue.shutdown(page)
          )
      ).pipe(Effect.map((page) => Stream.takeWhile(Stream.fromQueue(page), (message) => message !== undefined)))
    )

  const heard = (event: SessionManager.SessionEvent): void => {
    if (event._tag === "Collected" || event.session === undefined) return
    tell(event.session, "session", { kind: event._tag })
    if (event._tag === "Regenerated" || event._tag === "Destroyed") end(event.session)
  }

  return {
    messages,
    tell,
    move,
    heard,
    beat: Effect.sync(() => send(() => true, heartbeat)),
    /** Ends all streams: a server that closes waits for them. */
    close: Effect.sync(() => {
      over = true
      send(() => true, undefined)
    })
  }
}

export type Streams = ReturnType<typeof make>

export class Feed extends Context.Service<Feed, Streams>()("demo/Feed") {
  static readonly layer: Layer.Layer<Feed, never, SessionManager.SessionManager> = Layer.effect(
    Feed,
    Effect.gen(function* () {
      const feed = make()
      yield* Effect.forkScoped(
        Stream.runForEach(SessionManager.events, (event) => Effect.sync(() => feed.heard(event)))
      )
      yield* Effect.forkScoped(Effect.schedule(feed.beat, Schedule.spaced("15 seconds")))
      return feed
    })
  )
}
