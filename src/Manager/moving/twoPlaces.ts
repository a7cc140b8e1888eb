/**
 * Two places of sessions at once, while they move from one to the other.
 *
 * Whoever ends a session leaves a mark at the new place first, even if it has not moved, so that nobody who has read it
 * before can store it any more.
 */
import { randomBytes } from "node:crypto"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import type { Provider, Stored, StoredId } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import type { SessionConfig } from "../configSchema.js"
import { inUseFor } from "./oldPlace.js"

/** What stands where there is no session. An end that finds none leaves its mark in place of this. */
export const placeholder = Buffer.of(0)

const isPlaceholder = ({ payload }: Stored): boolean => payload.length === 1 && payload[0] === placeholder[0]

/**
 * How long a mark stays: as long as a session that a process of before writes at its end, when it has moved already. A
 * request may take an hour.
 */
const marksFor = (config: SessionConfig): Duration.Duration => Duration.sum(inUseFor(config), Duration.hours(1))

/**
 * The provider that sessions move to: its marks stay for long, no placeholder is seen, and the sessions that have not moved
 * count too.
 */
export const newPlace = (provider: Provider, from: Provider, config: SessionConfig): Provider => {
  const { capabilities, count, destroy, gc, list, read, regenerate } = provider
  const ttl = marksFor(config)
  return {
    ...provider,
    capabilities: {
      ...capabilities,
      inProcess: capabilities.inProcess && from.capabilities.inProcess,
      answersWithin: Math.max(capabilities.answersWithin, from.capabilities.answersWithin)
    },
    read: (id) =>
      Effect.map(
        read(id),
        Option.filter((stored) => !isPlaceholder(stored))
      ),
    destroy: (id, mark) => destroy(id, mark && { ...mark, ttl: Duration.max(mark.ttl, ttl) }),
    regenerate: ({ mark, ...move }) =>
      regenerate({ ...move, mark: mark && { ...mark, ttl: Duration.max(mark.ttl, ttl) } }),
    count: count && from.count && Effect.zipWith(from.count, count, (theirs, own) => theirs + own),
    // Theirs first: a session that moves meanwhile is listed twice rather than not at all.
    list: list && from.list && Stream.concat(from.list, list),
    gc:
      gc === undefined || from.gc === undefined
        ? (gc ?? from.gc)
        : Effect.zipWith(from.gc, gc, (theirs, own) => theirs + own)
  }
}

/**
 * Makes sure that there is something at the new place that an end can put a mark on. Whatever is there already stays.
 */
export const holding = ({ create }: Provider, to: StoredId, config: SessionConfig) =>
  create(to, placeholder, marksFor(config))

/**
 * The provider that sessions move to, for a trial: fails with `InvalidConfig` if the old place is the same one. A session there would
 * be read in the new format, in which it is none, and its user would be signed out.
 */
export const apart = (to: Provider, { exists }: Provider): Provider => ({
  ...to,
  create: (id, payload, ttl) =>
    Effect.tap(to.create(id, payload, ttl), () =>
      Effect.flatMap(exists(id), (isThere) =>
        isThere
          ? Effect.andThen(
              Effect.ignore(to.destroy(id)),
              invalid(
                `to: ${to.name} keeps sessions in the same place as \`from\`: give it another prefix, table, directory or server`
              )
            )
          : Effect.void
      )
    )
})

const invalid = (message: string) => Effect.fail(new SessionError({ reason: "InvalidConfig", message }))

/** Asks the old place for a session that nobody has: nothing is written there that another app could meet. */
export const answers = ({ exists }: Provider): Effect.Effect<void, SessionError> =>
  Effect.suspend(() => Effect.asVoid(exists(randomBytes(16).toString("hex") as StoredId)))
