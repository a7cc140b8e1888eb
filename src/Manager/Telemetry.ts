/**
 * The events and metrics of sessions. Neither ever holds a session id.
 *
 * @since 3.0.0
 */

import { hash } from "node:crypto"
import * as Metric from "#dialect/metric"
import * as Data from "#effect/Data"
import * as Effect from "#effect/Effect"
import * as Queue from "#effect/Queue"
import * as Stream from "#effect/Stream"
import type { StoredId } from "../Provider/Provider.js"
import type { Signal, Signals } from "./signals.js"

/** Who has made it happen, if `signals` asks for that. */
interface Signalled {
  readonly signals?: Signals
}

/** `session` names the session, and cannot be turned back into its id. */
interface OfSession extends Signalled {
  readonly session: string
}

/** {@link OfSession}, or without a name if the client sent no id. */
interface OfMaybe extends Signalled {
  readonly session: string | undefined
}

/**
 * What happened to a session. `session` names it for correlation, and cannot be turned back into its id. `signals` has
 * hashes of the address and agent whose request it was, as the option `signals` asks for them.
 *
 * @since 3.0.0
 * @category models
 */
export type SessionEvent = Data.TaggedEnum<{
  /** The backend has stored a new session. */
  Created: OfSession
  /** The backend has stored changes. */
  Saved: OfSession
  /** The session has another id. It is named as before. */
  Regenerated: OfSession
  /** The session's lifetime was renewed. */
  Touched: OfSession
  /** The session was ended. */
  Destroyed: OfSession
  /** Another request saved first; the changes were replayed. */
  Conflict: OfSession
  /** Changes were dropped, because the session was destroyed, expired or moved to another id meanwhile. */
  Gone: OfSession
  /** A client sent an id that is well formed but of no live session. */
  Unknown: OfSession
  /**
   * A client sent an id that was renewed because of its age, after the grace was over: it has lost the answer that told
   * the new id, or somebody else has got hold of the old one.
   */
  Reused: OfSession
  /** A signed-in session is used from another address or agent than before, if `signals` asks for these. */
  Moved: OfSession & { readonly changed: ReadonlyArray<Signal> }
  /** A browser has bound the session to its device. */
  Bound: OfSession
  /** A browser has proved again that it holds the key of a bound session. */
  Refreshed: OfSession
  /** A client sent the id of a bound session without a fresh proof: it gets no session. */
  Unproven: OfSession
  /** A request of another site was to use its session, and must not. Without a name if it sent no id. */
  CrossOrigin: OfMaybe
  /**
   * A client sent several cookies of the session's name, as a changed domain or path leaves them, or as another app of
   * the site tosses one in. Without a name if none is an id.
   */
  Tossed: OfMaybe
  /**
   * Stored data could not be read (torn, or of another version of the app) and were left out: a field, or the whole
   * session.
   */
  Dropped: OfMaybe & { readonly field: string | undefined }
  /** Garbage collection removed so many expired sessions. */
  Collected: { readonly count: number }
}>

/**
 * Makes and matches events: `SessionEvent.$match`, `SessionEvent.$is`.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { SessionManager } from "effect-session"
 *
 * const alarms = SessionManager.events.pipe(
 *   Stream.filter(SessionManager.SessionEvent.$is("Dropped")),
 *   Stream.runForEach(({ field, session }) => Effect.logWarning("unreadable", field, session))
 * )
 *
 * @since 3.0.0
 * @category constructors
 */
export const SessionEvent = Data.taggedEnum<SessionEvent>()

type Kind = SessionEvent["_tag"]

/** The events that tell nothing but whose session it is. */
type Plain = Exclude<Kind, "Moved" | "CrossOrigin" | "Tossed" | "Dropped" | "Collected">

/** A request, whose signals are computed only if somebody hears of it. */
interface By {
  readonly signals: Signals | undefined
}

/** Where events go: to counters always, to a stream's subscribers if there are any. */
export interface Telemetry {
  /** What happened to the session that `ref` names; `by` a request, unless it happened outside of one. */
  readonly emit: (kind: Plain, ref: StoredId, by?: By) => void
  /** Calls `f` when this process ends the session or gives it another id; the result stops that. */
  readonly whenChanged: (ref: StoredId, f: () => void) => () => void
  readonly moved: (ref: StoredId, changed: ReadonlyArray<Signal>, by: By) => void
  readonly crossOrigin: (ref: StoredId | undefined, by: By) => void
  readonly tossed: (ref: StoredId | undefined, by: By) => void
  readonly dropped: (ref: StoredId | undefined, field?: string, by?: By) => void
  readonly collected: (count: number) => void
  /** A session was read from the backend. */
  readonly read: () => void
  /** Changes were applied to data that another request had stored meanwhile. */
  readonly replayed: () => void
  /** A session of so many bytes is to be stored. */
  readonly payload: (bytes: number) => void
  /** Makes a function that notes how long a call of the backend took, in milliseconds. */
  readonly took: (operation: string) => (millis: number, outcome: "success" | "failure") => void
  /** How many sessions were live when they were counted. */
  readonly live: (count: number) => void
  readonly events: Stream.Stream<SessionEvent>
}

/** A short name for a stored session that tells nothing about its id, for events and logs. @internal */
export const nameOf = (ref: StoredId): string => hash("sha256", ref, "base64url").slice(0, 12)

const counters: Record<Kind | "Read" | "Replayed", Metric.Counter> = {
  Read: Metric.counter("session_read_total", "Sessions read from the backend"),
  Created: Metric.counter("session_created_total", "Sessions created"),
  Saved: Metric.counter("session_saved_total", "Sessions saved with changes"),
  Regenerated: Metric.counter("session_regenerated_total", "Sessions that got a new id"),
  Touched: Metric.counter("session_touched_total", "Sessions whose lifetime was renewed"),
  Destroyed: Metric.counter("session_destroyed_total", "Sessions destroyed"),
  Conflict: Metric.counter("session_conflict_total", "Saves replayed because another request saved first"),
  Replayed: Metric.counter(
    "session_replayed_total",
    "Changes applied to data that another request had stored meanwhile"
  ),
  Gone: Metric.counter("session_gone_total", "Changes dropped because the session was gone"),
  Unknown: Metric.counter("session_unknown_total", "Well-formed ids of no live session"),
  Reused: Metric.counter("session_reused_total", "Ids that were used after the grace of their renewal"),
  Moved: Metric.counter("session_moved_total", "Signed-in sessions that were used from another address or agent"),
  Bound: Metric.counter("session_bound_total", "Sessions that a browser has bound to its device"),
  Refreshed: Metric.counter("session_refreshed_total", "Proofs of bound sessions"),
  Unproven: Metric.counter("session_unproven_total", "Ids of bound sessions that came without a fresh proof"),
  CrossOrigin: Metric.counter("session_cross_origin_total", "Requests of other sites that were to use their session"),
  Tossed: Metric.counter(
    "session_tossed_total",
    "Requests that used a session and brought several cookies of its name"
  ),
  Dropped: Metric.counter("session_dropped_total", "Stored sessions or fields that could not be read"),
  Collected: Metric.counter("session_collected_total", "Expired sessions removed by garbage collection")
}

const live = Metric.gauge("session_live", "Live sessions, when last counted")

/** @internal */
export const durations = Metric.histogram(
  "session_call_duration_seconds",
  "Time of the backend's calls",
  [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
)

/** @internal */
export const sizes = Metric.histogram(
  "session_payload_bytes",
  "Sizes of stored sessions",
  [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]
)

/** @internal */
export const make = (backend: string): Telemetry => {
  const labels = Metric.labels({ backend })
  const waiting = new Map<StoredId, Set<() => void>>()
  const subscribers = new Set<Queue.Enqueue<SessionEvent>>()
  const publish = (event: SessionEvent) => {
    for (const subscriber of subscribers) {
      Queue.offerUnsafe(subscriber, event)
    }
  }
  const count = (kind: keyof typeof counters, n = 1) => Metric.update(counters[kind], n, labels)
  /** Counts an event, and makes it if there is anybody to hear it. */
  const tell = (kind: Kind, by: By | undefined, make: (signals: Signalled) => SessionEvent) => {
    count(kind)
    if (subscribers.size > 0) {
      const signals = by?.signals
      publish(make(signals === undefined ? {} : { signals }))
    }
  }
  return {
    emit: (kind, ref, by) => {
      if (kind === "Destroyed" || kind === "Regenerated") for (const hear of waiting.get(ref) ?? []) hear()
      tell(kind, by, (signals) => SessionEvent[kind]({ session: nameOf(ref), ...signals }))
    },
    moved: (ref, changed, by) =>
      tell("Moved", by, (signals) => SessionEvent.Moved({ session: nameOf(ref), changed, ...signals })),
    whenChanged: (ref, f) => {
      const others = waiting.get(ref) ?? new Set()
      waiting.set(ref, others.add(f))
      return () => {
        others.delete(f)
        if (others.size === 0) waiting.delete(ref)
      }
    },
    crossOrigin: (ref, by) =>
      tell("CrossOrigin", by, (signals) => SessionEvent.CrossOrigin({ session: ref && nameOf(ref), ...signals })),
    tossed: (ref, by) =>
      tell("Tossed", by, (signals) => SessionEvent.Tossed({ session: ref && nameOf(ref), ...signals })),
    dropped: (ref, field, by) =>
      tell("Dropped", by, (signals) => SessionEvent.Dropped({ session: ref && nameOf(ref), field, ...signals })),
    collected: (removed) => {
      count("Collected", removed)
      publish(SessionEvent.Collected({ count: removed }))
    },
    read: () => count("Read"),
    replayed: () => count("Replayed"),
    payload: (bytes) => Metric.update(sizes, bytes, labels),
    took: (operation) => {
      const of = {
        success: Metric.labels({ backend, operation, outcome: "success" }),
        failure: Metric.labels({ backend, operation, outcome: "failure" })
      }
      return (millis, outcome) => Metric.update(durations, millis / 1000, of[outcome])
    },
    live: (count) => Metric.update(live, count, labels),
    // Sliding: a slow subscriber loses the oldest events and never slows a request.
    events: Stream.unwrap(
      Effect.acquireRelease(
        Effect.tap(Queue.sliding<SessionEvent>(4096), (queue) => Effect.sync(() => subscribers.add(queue))),
        (queue) =>
          Effect.andThen(
            Effect.sync(() => subscribers.delete(queue)),
            Queue.shutdown(queue)
          )
      ).pipe(Effect.map((queue) => Stream.fromQueue(queue)))
    )
  }
}
