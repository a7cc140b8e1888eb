/**
 * Saves the sessions of express and fastify by compare-and-set. What one request changed is replayed onto what others have
 * stored meanwhile, if the store knows what the request was shown; and no session comes back that has ended.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { ended } from "../../Manager/marks.js"
import { isAnyId, storing } from "../../Manager/SessionId.js"
import { maxAttempts, patience, pauseAfter, type Turn, Turns } from "../../Manager/Turns.js"
import type { Provider, Revision, Stored, StoredId } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import { parse } from "../records.js"
import type { Settings } from "./options.js"
import { type Document, lifetimeOf, replayed, toPayload, type Values, valuesOf, withEnd } from "./values.js"

/** A session as it is stored. */
interface At {
  readonly revision: Revision
  readonly values: Values
}

/** What a session object of a request was made of. */
export interface Base extends At {
  readonly ref: StoredId
  /** What the request was shown: less than the values, if their names are those of express' own methods. */
  readonly shown: Values
}

/** What a request leaves. */
export interface Left {
  readonly ref: StoredId
  readonly values: Values
  /** What its session object was made of; undefined if the store does not know. */
  readonly base: Base | undefined
  /** Whether the request says itself that it changed nothing but the cookie, as fastify's sessions do. */
  readonly isUnchanged: boolean
}

type Saved = Effect.Effect<Base | undefined, SessionError>

/** The values of a stored session; none if it cannot be read. */
const valuesIn = ({ payload }: Stored): Values => {
  const values = valuesOf(parse(payload) ?? {})
  return values instanceof SessionError ? new Map() : values
}

/** How many ids are remembered; some 2 MB. */
const most = 10_000

/** The sessions of one provider. */
export class Sessions {
  private readonly turns: Turns<At>
  /**
   * The ids of sessions that were read here lately: none of them is a new session's. fastify does not tell its sessions apart,
   * and where a backend keeps no marks, nothing else does.
   */
  private readonly known = new Set<StoredId>()
  private readonly stored: (id: string) => StoredId

  constructor(
    readonly provider: Provider,
    private readonly settings: Settings
  ) {
    this.turns = new Turns(patience(provider.name, settings.timeout))
    this.stored = storing(settings.hashed, "", "", provider.capabilities.inheritedIdChars)
  }

  /** The id under which the backend keeps a session; undefined if no session has it. */
  refOf(sid: string): StoredId | undefined {
    return isAnyId(sid) ? this.stored(sid) : undefined
  }

  /** Reads a session, as a document for express, and as what this is made of. */
  read(ref: StoredId): Effect.Effect<{ document: Document; base: () => Base } | undefined, SessionError> {
    return Effect.map(this.found(ref), (found) => {
      if (found === undefined) {
        return undefined
      }
      const { document, stored } = found
      this.saw(ref)
      return {
        document,
        base: () => {
          const values = valuesIn(stored)
          return { ref, revision: stored.revision, values, shown: values }
        }
      }
    })
  }

  /** Reads a session of a list; undefined if it has ended meanwhile. */
  listed(ref: StoredId): Effect.Effect<Document | undefined, SessionError> {
    return Effect.map(
      this.found(ref),
      (found) => found && (this.settings.hashed ? found.document : { ...found.document, id: ref })
    )
  }

  private found(ref: StoredId): Effect.Effect<{ document: Document; stored: Stored } | undefined, SessionError> {
    return Effect.map(this.provider.read(ref), (found) => {
      if (Option.isNone(found)) {
        return undefined
      }
      const stored = found.value
      const document = parse(stored.payload)
      return document && { document: withEnd(document, stored.expiresAt), stored }
    })
  }

  /** Notes that a session was there. */
  private saw(ref: StoredId): void {
    this.known.delete(ref)
    this.known.add(ref)
    if (this.known.size > most) {
      const [oldest] = this.known
      this.known.delete(oldest!)
    }
  }

  /**
   * Saves what a request leaves, when those that came before have done so. Returns what is stored now; undefined if nothing is,
   * since the session has ended.
   */
  save(ref: StoredId, leaves: () => Left): Saved {
    return this.turns.take(ref, (turn) => {
      const left = leaves()
      const { base } = left
      return base !== undefined
        ? this.write(left, turn, turn.latest ?? base)
        : this.known.has(ref)
          ? this.replace(left, turn)
          : this.create(left, turn)
    })
  }

  /** Renews the lifetime. */
  touch(ref: StoredId, values: Values): Effect.Effect<void, SessionError> {
    return this.living(ref, values, (ttl) => Effect.asVoid(this.provider.touch(ref, ttl)))
  }

  /** Does something with a session that lives for some time yet; one that does not ends. */
  private living<A>(
    ref: StoredId,
    values: Values,
    effect: (ttl: Duration.Duration) => Effect.Effect<A, SessionError>
  ): Effect.Effect<A | undefined, SessionError> {
    const lifetime = lifetimeOf(values, Duration.toMillis(this.settings.ttl))
    return lifetime > 0 ? effect(Duration.millis(lifetime)) : Effect.as(this.provider.destroy(ref, ended), undefined)
  }

  /** Stores a new session. If its id is taken, it is replaced, unless it has ended. */
  private create(left: Left, turn: Turn<At>): Saved {
    const { ref, values } = left
    return this.living(ref, values, (ttl) =>
      Effect.flatMap(this.provider.create(ref, toPayload(values), ttl), (result) =>
        result._tag === "Written"
          ? Effect.succeed(this.written(left, turn, { revision: result.revision, values }))
          : this.replace(left, turn)
      )
    )
  }

  private replace(left: Left, turn: Turn<At>, count = 1): Saved {
    return Effect.flatMap(this.find(left.ref), (at) =>
      at === undefined ? Effect.succeed(undefined) : this.write(left, turn, at, count)
    )
  }

  private find(ref: StoredId): Effect.Effect<At | undefined, SessionError> {
    return Effect.map(this.provider.read(ref), (stored) =>
      Option.isSome(stored) ? { revision: stored.value.revision, values: valuesIn(stored.value) } : undefined
    )
  }

  /** Writes what a request leaves onto what is stored, again and again while others write first. */
  private write(left: Left, turn: Turn<At>, at: At, count = 1): Saved {
    const { ref } = left
    const values = valuesOn(left, at)
    return this.living(ref, values, (ttl) =>
      Effect.flatMap(this.provider.write(ref, toPayload(values), ttl, at.revision), (result): Saved => {
        switch (result._tag) {
          case "Written":
            return Effect.succeed(this.written(left, turn, { revision: result.revision, values }))
          case "Gone":
            return Effect.succeed(undefined)
          case "Conflict":
            return count < maxAttempts
              ? Effect.andThen(
                  pauseAfter(count),
                  Effect.suspend(() => this.replace(left, turn, count + 1))
                )
              : new SessionError({
                  reason: "Conflict",
                  message: `${this.provider.name}: other requests changed the session ${count} times while this one saved: try again`
                })
        }
      })
    )
  }

  private written({ ref, values }: Left, turn: Turn<At>, at: At): Base {
    turn.latest = at
    this.saw(ref)
    return { ...at, ref, shown: values }
  }
}

const valuesOn = ({ base, isUnchanged, values }: Left, at: At): Values =>
  base !== undefined
    ? replayed(at.values, base.shown, values)
    : isUnchanged
      ? new Map(at.values).set("cookie", values.get("cookie") ?? "null")
      : values
