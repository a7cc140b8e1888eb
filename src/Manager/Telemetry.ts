/**
 * What can be seen of sessions from outside: events and metrics. Neither ever holds a session id.
 *
 * @since 0.1.0
 */
import { hash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { StoredId } from "../Provider/Provider.js"

/**
 * What happened to a session.
 *
 * - `Created`, `Saved`, `Regenerated`, `Touched`, `Destroyed`: as they say, in the backend.
 * - `Conflict`: another request saved first; the changes were replayed.
 * - `Gone`: changes were dropped, because the session was destroyed, expired or moved to another id meanwhile.
 * - `Unknown`: a client sent an id that is well formed but of no live session.
 * - `Doubled`: a client sent several cookies of the session's name, as a changed domain or path leaves them.
 * - `Dropped`: stored data could not be read (torn, or of another version of the app) and were left out.
 * - `Collected`: garbage collection removed expired sessions.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind =
  | "Created"
  | "Saved"
  | "Regenerated"
  | "Touched"
  | "Destroyed"
  | "Conflict"
  | "Gone"
  | "Unknown"
  | "Doubled"
  | "Dropped"
  | "Collected"

/**
 * @since 0.1.0
 * @category models
 */
export interface SessionEvent {
  readonly _tag: Kind
  /** Names the session for correlation, and cannot be turned back into its id. Absent for `Collected`. */
  readonly session?: string
  /** For `Dropped`: the field, or nothing where the whole session could not be read. */
  readonly field?: string
  /** For `Collected`. */
  readonly count?: number
}

/** Where events go: to counters always, to a stream's subscribers where there are any. */
export interface Telemetry {
  readonly emit: (kind: Kind, id?: StoredId, detail?: Pick<SessionEvent, "field" | "count">) => void
  readonly events: Stream.Stream<SessionEvent>
}

/** A short name for a stored session that tells nothing about its id, for events and logs. */
const reference = (id: StoredId): string => hash("sha256", id, "base64url").slice(0, 12)

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const counters: Record<Kind | "Read", Metric.Metric.Counter<number>> = {
  Read: counter("session_read_total", "Sessions read from the backend"),
  Created: counter("session_created_total", "Sessions created"),
  Saved: counter("session_saved_total", "Sessions saved with changes"),
  Regenerated: counter("session_regenerated_total", "Sessions that got a new id"),
  Touched: counter("session_touched_total", "Sessions whose lifetime was renewed"),
  Destroyed: counter("session_destroyed_total", "Sessions destroyed"),
  Conflict: counter("session_conflict_total", "Saves replayed because another request saved first"),
  Gone: counter("session_gone_total", "Changes dropped because the session was gone"),
  Unknown: counter("session_unknown_total", "Well-formed ids of no live session"),
  Doubled: counter("session_doubled_total", "Requests that used a session and brought several cookies of its name"),
  Dropped: counter("session_dropped_total", "Stored sessions or fields that could not be read"),
  Collected: counter("session_collected_total", "Expired sessions removed by garbage collection")
}

/** @internal */
export const active: Metric.Metric.Gauge<number> = Metric.gauge("session_active", {
  description: "Live sessions, when last counted"
})

/** @internal */
export const countRead = (): void => counters.Read.unsafeUpdate(1, [])

/** @internal */
export const make = (): Telemetry => {
  const subscribers = new Set<Queue.Enqueue<SessionEvent>>()
  return {
    emit: (kind, id, detail) => {
      counters[kind].unsafeUpdate(detail?.count ?? 1, [])
      if (subscribers.size === 0) {
        return
      }
      const event: SessionEvent = { _tag: kind, ...(id === undefined ? {} : { session: reference(id) }), ...detail }
      for (const subscriber of subscribers) {
        subscriber.unsafeOffer(event)
      }
    },
    // Sliding: a slow subscriber loses the oldest events and never slows a request.
    events: Stream.unwrapScoped(
      Effect.acquireRelease(
        Effect.tap(Queue.sliding<SessionEvent>(4096), (queue) => Effect.sync(() => subscribers.add(queue))),
        (queue) =>
          Effect.zipRight(
            Effect.sync(() => subscribers.delete(queue)),
            Queue.shutdown(queue)
          )
      ).pipe(Effect.map((queue) => Stream.fromQueue(queue)))
    )
  }
}
