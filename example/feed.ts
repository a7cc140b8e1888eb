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

/** A server-sent event, as text. `undefined` is the end of the stream. */
type Message = string | undefined

/** What is kept for the page that is opened next, as after a redirect. */
interface Visitor {
  requests: ReadonlyArray<Request>
  /** How often each kind of event has happened. */
  readonly events: Map<Event, number>
  /** The session's name since it got another id. */
  successor: string | undefined
}

interface Request {
  readonly method: string
  readonly path: string
  readonly calls: ReadonlyArray<{ readonly operation: string; readonly millis: number }>
}

type Event = SessionManager.SessionEvent["_tag"]

const mostVisitors = 1_000
const mostRequests = 4

export const toMessage = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** Proxies and browsers give up connections on which nothing happens. */
const heartbeat = ":\n\n"

const make = () => {
  const visitors = new Map<string, Visitor>()
  const pages = new Map<Queue.Enqueue<Message>, string | undefined>()
  let over = false

  const visitor = (name: string): Visitor => {
    const found = visitors.get(name) ?? { requests: [], events: new Map(), successor: undefined }
    // The last in the map is the one that was there last.
    visitors.delete(name)
    visitors.set(name, found)
    if (visitors.size > mostVisitors) visitors.delete(visitors.keys().next().value!)
    return found
  }

  const send = (isFor: (name: string | undefined) => boolean, message: Message): void => {
    for (const [page, name] of pages) {
      if (isFor(name)) {
        Queue.offerUnsafe(page, message)
        if (message === undefined) pages.delete(page)
      }
    }
  }

  /** Ends the streams of a session: their pages ask again, each with the cookie that it has now. */
  const end = (ended: string): void => send((name) => name === ended, undefined)

  /** The visitor who has the session of this name, or the one that came of it, and the name that it has now. */
  const current = (session: string): readonly [name: string, Visitor] => {
    const found = visitor(session)
    return found.successor === undefined ? [session, found] : current(found.successor)
  }

  const tellRequest = (session: string, request: Request): void => {
    const [name, to] = current(session)
    to.requests = [...to.requests, request].slice(-mostRequests)
    send((page) => page === name, toMessage("request", request))
  }

  const tellEvent = (session: string, kind: Event): void => {
    const [name, { events }] = current(session)
    const times = (events.get(kind) ?? 0) + 1
    events.set(kind, times)
    send((page) => page === name, toMessage("session", { kind, times }))
  }

  /**
   * The session goes on under another id. Streams that were opened with the old one end: that may have been planted by
   * somebody else, who must not see what happens from now on.
   */
  const move = (before: string, after: string): void => {
    const [from, to] = [visitor(before), visitor(after)]
    to.requests = [...from.requests, ...to.requests].slice(-mostRequests)
    for (const [kind, times] of from.events) to.events.set(kind, times + (to.events.get(kind) ?? 0))
    visitors.set(before, { requests: [], events: new Map(), successor: after })
    end(before)
  }

  const recent = ({ events, requests }: Visitor): ReadonlyArray<string> => [
    ...requests.map((request) => toMessage("request", request)),
    ...[...events].map(([kind, times]) => toMessage("session", { kind, times }))
  ]

  /** The messages for a page: `hello`, what a session of this name was told of late, and what comes. */
  const messages = (name: string | undefined, hello: string): Stream.Stream<string> =>
    Stream.unwrap(
      Effect.acquireRelease(
        Effect.tap(Queue.sliding<Message>(1_024), (page) =>
          Effect.sync(() => {
            pages.set(page, name)
            const before = name === undefined ? [] : recent(visitor(name))
            for (const text of [hello, ...before]) Queue.offerUnsafe(page, text)
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
    tellEvent(event.session, event._tag)
    if (event._tag === "Regenerated" || event._tag === "Destroyed") end(event.session)
  }

  return {
    messages,
    tellRequest,
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

export type Pages = ReturnType<typeof make>

export class Feed extends Context.Service<Feed, Pages>()("demo/Feed") {
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
