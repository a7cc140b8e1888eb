/**
 * Saving a session: compare-and-set, and on conflict the logged operations are replayed onto what is there now. So changes of
 * concurrent requests add up, and what was destroyed stays destroyed.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Stored, StoredId, Written } from "../Provider/Provider.js"
import { SessionError, tooLarge } from "../SessionError.js"
import type { SessionData } from "../Store/Codec.js"
import type { Known, LiveSession } from "./LiveSession.js"
import type { Turn } from "./Turns.js"

/** Conflicts come from other processes alone, since commits in this one take turns. */
const maxAttempts = 24

/**
 * Saves what changed, if anything did; otherwise renews the lifetime, if it is time to. Fails with `Gone` where the session
 * ended meanwhile, `Conflict` after too many attempts, `InvalidValue`, `TooLarge`, `Unavailable`; then nothing was written.
 */
export const commit = (session: LiveSession): Effect.Effect<void, SessionError> =>
  // In line: a `save` that the handler no longer waits for may still be at it, and nothing must be saved twice.
  session.line.take(
    Effect.suspend(() =>
      session.ended === undefined
        ? saveChanges(session)
        : Effect.zipRight(end(session, session.ended), saveChanges(session))
    )
  )

/** Whether a commit would do anything at all. */
export const needsCommit = (session: LiveSession): boolean =>
  session.changed || !session.line.idle || renewal(session, session.readAt) !== undefined

const end = (session: LiveSession, id: StoredId) => {
  const { provider, telemetry } = session.env
  if (session.phase === "socket" && !provider.capabilities.revocable) {
    return Effect.fail(
      new SessionError({
        reason: "Unsupported",
        message: `${provider.name}: destroy: the client holds the session, and there is no response to take it away by`
      })
    )
  }
  return Effect.map(provider.destroy(id), () => {
    session.ended = undefined
    session.reply = "forget"
    telemetry.emit("Destroyed", id)
  })
}

const noResponse = Effect.fail(
  new SessionError({
    reason: "HeadersSent",
    message: "save: there is no response by which to give the client its session: save it in an ordinary request"
  })
)

const saveChanges = (session: LiveSession): Effect.Effect<void, SessionError> =>
  Effect.suspend(() => {
    const { capabilities } = session.env.provider
    const changed = session.operations.length > 0 || session.renewed
    if (session.phase === "socket" && capabilities.heldBy === "client" && (changed || session.touched)) {
      return noResponse
    }
    return changed
      ? Effect.flatMap(session.readOnce, () => {
          const id = session.storedId
          return session.known === undefined || id === undefined
            ? create(session)
            : capabilities.inProcess
              ? change(session, id, { latest: undefined }, 1)
              : session.env.turns.take(id, (turn) => change(session, id, turn, 1))
        })
      : renewLifetime(session)
  })

/** What a commit writes: the log, replayed onto what is stored. */
interface Replayed {
  readonly data: SessionData
  readonly payload: Uint8Array
  /** How many operations are in it; the handler may log more meanwhile. */
  readonly count: number
}

const replay = (
  session: LiveSession,
  base: Known | undefined,
  createdAt: number | undefined
): Effect.Effect<Replayed, SessionError> => {
  const { codec, config, provider } = session.env
  const values = session.replay(base)
  if (values instanceof SessionError) {
    return Effect.fail(values)
  }
  const data: SessionData = { ...base?.data, createdAt, values }
  const payload = codec.encode(data)
  if (payload instanceof SessionError) {
    return Effect.fail(payload)
  }
  const limit = Math.min(config.maxBytes, provider.capabilities.maxPayload)
  return payload.length > limit
    ? Effect.fail(tooLarge(provider.name, payload.length, limit))
    : Effect.succeed({ data, payload, count: session.operations.length })
}

const create = (session: LiveSession): Effect.Effect<void, SessionError> =>
  Effect.clockWith((clock) => {
    const { config, ids, provider, telemetry } = session.env
    const now = clock.unsafeCurrentTimeMillis()
    return Effect.flatMap(replay(session, undefined, now), (replayed) => {
      const { data, payload } = replayed
      if (Object.keys(data.values).length === 0) {
        // Nothing is stored for a visitor without data.
        session.discard()
        return Effect.void
      }
      if (session.phase === "socket") {
        return noResponse
      }
      const id = session.successorId
      const ttl = Duration.min(config.idleTimeout, config.absoluteTimeout)
      return Effect.flatMap(provider.create(ids.stored(id), payload, ttl), (result) => {
        if (result._tag === "Exists") {
          // 256 random bits do not repeat: the random source is broken.
          return Effect.fail(
            new SessionError({ reason: "Conflict", message: `${provider.name}: a fresh session id is taken` })
          )
        }
        settle(session, id, result, replayed)
        session.reply = { id: session.clientId! }
        telemetry.emit("Created", ids.stored(id))
        return Effect.void
      })
    })
  })

const change = (
  session: LiveSession,
  id: StoredId,
  turn: Turn<Known>,
  attempt: number
): Effect.Effect<void, SessionError> =>
  Effect.clockWith((clock) => {
    const { ids, provider, telemetry } = session.env
    const base = turn.latest ?? session.known!
    const { data: before, stored } = base
    const subject = session.subject ?? id
    const now = clock.unsafeCurrentTimeMillis()
    const createdAt = session.renewed && before.createdAt !== undefined ? now : before.createdAt
    return Effect.flatMap(replay(session, base, createdAt), (replayed) => {
      const { data, payload } = replayed
      const lifetime = session.lifetime(data, now)
      if (lifetime <= 0) {
        return lost(session, id)
      }
      const ttl = Duration.millis(lifetime)
      const renewed = session.renewed
      const nextId = renewed ? session.successorId : session.ownId!
      return Effect.flatMap(
        renewed
          ? provider.regenerate(id, ids.stored(nextId), payload, ttl, stored.revision)
          : provider.write(id, payload, ttl, stored.revision),
        (result): Effect.Effect<void, SessionError> => {
          switch (result._tag) {
            case "Written": {
              const known = settle(session, nextId, result, replayed)
              turn.latest = renewed ? undefined : known
              if (
                renewed ||
                result.id !== undefined ||
                (keepsCookie(session) && isDue(session, result.expiresAt - stored.expiresAt))
              ) {
                session.reply = { id: session.clientId! }
              }
              telemetry.emit(renewed ? "Regenerated" : "Saved", subject)
              return Effect.void
            }
            case "Gone":
              return lost(session, id)
            case "Conflict": {
              telemetry.emit("Conflict", subject)
              return attempt >= maxAttempts
                ? Effect.fail(
                    new SessionError({
                      reason: "Conflict",
                      message: `${provider.name}: other requests changed the session ${attempt} times while this one saved: try again`
                    })
                  )
                : Effect.flatMap(latest(session, id, attempt, result.current), (known) => {
                    if (known === undefined) {
                      return lost(session, id)
                    }
                    turn.latest = known
                    return change(session, id, turn, attempt + 1)
                  })
            }
          }
        }
      )
    })
  })

/** How many times a save is tried again at once, with what the conflict told. */
const hasty = 4

/**
 * What another process has stored meanwhile. After some tries it waits for longer and longer, at random, so that processes get out
 * of step; then it reads anew, for what it knew before is out of date.
 */
const latest = (session: LiveSession, id: StoredId, attempt: number, current: Stored | undefined) =>
  current !== undefined && attempt <= hasty
    ? Effect.sync(() => session.understand(id, current))
    : Effect.zipRight(
        attempt === 1 ? Effect.void : Effect.suspend(() => Effect.sleep(Math.random() * Math.min(2 ** attempt, 64))),
        Effect.map(session.env.provider.read(id), (found) =>
          Option.isNone(found) ? undefined : session.understand(id, found.value)
        )
      )

const lost = (session: LiveSession, id: StoredId) =>
  Effect.suspend(() => {
    session.env.telemetry.emit("Gone", session.subject ?? id)
    session.forget()
    return Effect.fail(
      new SessionError({
        reason: "Gone",
        message: `${session.env.provider.name}: the session was destroyed or expired while this request used it; its changes were dropped`
      })
    )
  })

const settle = (session: LiveSession, id: string, result: Written, { count, data }: Replayed): Known => {
  const { expiresAt, id: value, revision } = result
  const known: Known = { data, stored: { revision, expiresAt, id: value === undefined ? undefined : id } }
  session.saved(value ?? id, known, count)
  return known
}

/** How much longer the session, if it was read, may live from `now` on, where that is worth a write. */
const renewal = (session: LiveSession, now: number): number | undefined => {
  const { known } = session
  if (known === undefined) {
    return undefined
  }
  const lifetime = session.lifetime(known.data, now)
  const gain = now + lifetime - known.stored.expiresAt
  return gain > 0 && (session.touched || isDue(session, gain)) ? lifetime : undefined
}

/** Renews the lifetime of a session that was read, where enough of it has passed. */
const renewLifetime = (session: LiveSession): Effect.Effect<void, SessionError> =>
  Effect.clockWith((clock) => {
    const { known, storedId } = session
    const lifetime = renewal(session, clock.unsafeCurrentTimeMillis())
    if (known === undefined || storedId === undefined || lifetime === undefined) {
      return Effect.void
    }
    session.touched = false
    return Effect.map(session.env.provider.touch(storedId, Duration.millis(lifetime)), (result) => {
      if (result._tag === "Touched") {
        session.known = { ...known, stored: { ...known.stored, expiresAt: result.expiresAt } }
        session.clientId = result.id ?? session.clientId
        if (keepsCookie(session) || result.id !== undefined) {
          session.reply = { id: session.clientId! }
        }
        session.env.telemetry.emit("Touched", session.subject)
      }
    })
  })

/** Whether a renewal gains enough to be worth a write; at random up to a fifth later, so that they do not come all at once. */
const isDue = (session: LiveSession, gain: number): boolean => {
  const { idleTimeout, touchEvery } = session.env.config
  const throttle = touchEvery === undefined ? Duration.toMillis(idleTimeout) / 10 : Duration.toMillis(touchEvery)
  return gain >= throttle * (1 + Math.random() / 5)
}

/** Whether the browser keeps the cookie for a time, which is to be renewed along with the session. */
const keepsCookie = ({ env: { config } }: LiveSession): boolean =>
  config.cookie !== false && config.cookie.maxAge !== undefined
