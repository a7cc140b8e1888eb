/**
 * Keeps a register of each person's sessions, beside the sessions and by compare-and-set, so that they can be listed,
 * ended and limited in number.
 *
 * A session is stored before it is listed, under an id that nobody knows, and its client is told of it last. What ends
 * sessions first marks their entries: from then on a session that changes its id finds that it has ended. So whatever
 * process stops between any two calls, no client can use a session that is not listed.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { rest } from "../../internal/machineTime.js"
import type { Conflict, Exists, Gone, Records, Revision, Stored, StoredId, Written } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import type { SessionCodec } from "../../Store/Codec.js"
import type { SessionConfig } from "../configSchema.js"
import type { Keeper } from "../Keeper.js"
import { lifetimeOf } from "../lifetimes.js"
import type { Base } from "../Outcome.js"
import type { Telemetry } from "../Telemetry.js"
import { maxAttempts, type Patience, type Turn, Turns } from "../Turns.js"
import { decode, type Entry, empty, encode, lifetime, type Register, standing } from "./register.js"

/** A register as it was read or written last; without a revision there is none yet. */
export interface Known {
  readonly register: Register
  readonly revision: Revision | undefined
}

/**
 * What becomes of a session that is to be listed: it is `Listed`; the person's sessions were ended meanwhile, and this
 * one is `Gone` with them; or the person has too many (`Full`).
 */
export type Listing = "Listed" | "Gone" | "Full"

/** A session to list. */
export interface Listed extends Omit<Entry, "ending"> {
  /** The family that must be listed already: this is the same session under a new id, or descends from it. */
  readonly from: string | undefined
}

/** A session that is live, and its entry. */
export interface Live {
  readonly entry: Entry
  readonly base: Base
}

/** The next entries of a register, if they are to change, and what that means. */
interface Plan<A> {
  readonly entries?: ReadonlyArray<Entry>
  readonly swept?: number
  readonly result: A
}

/** `isKept` is whether the backend has the register, be it empty. */
type Planning<A> = (register: Register, isKept: boolean) => Effect.Effect<Plan<A>, SessionError>

/** How many sessions are looked up at once. */
const concurrency = 16

/** How many entries of dead sessions a register may have before all are looked up, beside as many as were live. */
const slack = 32

/** With more sessions than this at their limit, only the oldest are looked up, and not all for each sign-in. */
const exactUpTo = 64

export class People {
  private readonly turns: Turns<Known>

  constructor(
    private readonly records: Records<SessionError>,
    private readonly keeper: Pick<Keeper, "name" | "evicts" | "find" | "endRef">,
    private readonly codec: SessionCodec,
    private readonly telemetry: Telemetry,
    private readonly config: SessionConfig,
    patience: Patience
  ) {
    this.turns = new Turns(patience)
  }

  /** Reads the register of a principal. */
  read(id: StoredId): Effect.Effect<Known, SessionError> {
    return Effect.flatMap(this.records.read(id), (stored) => this.known(Option.getOrUndefined(stored)))
  }

  /** Whether a session could be listed now, as far as that can be said before it is stored. */
  foresee({ register, revision }: Known, session: Listed): Effect.Effect<Listing, SessionError> {
    return session.from !== undefined || this.config.principals.whenExceeded === "refuse"
      ? Effect.map(this.adding(session)(register, revision !== undefined), ({ result }) => result)
      : Effect.succeed("Listed")
  }

  /** Lists a session that was stored. */
  list(id: StoredId, known: Known, session: Listed): Effect.Effect<Listing, SessionError> {
    return this.change(id, known, this.adding(session))
  }

  /** Ends the listed sessions that `which` names. */
  end(id: StoredId, which: (entry: Entry) => boolean): Effect.Effect<void, SessionError> {
    return Effect.flatMap(this.read(id), (known) =>
      this.change(id, known, ({ entries }) =>
        Effect.succeed(
          entries.some(which)
            ? {
                entries: entries.map((entry) => (which(entry) ? { ...entry, ending: true } : entry)),
                result: undefined
              }
            : { result: undefined }
        )
      )
    )
  }

  /** The live sessions of a register, oldest first. Drops the entries of the others. */
  live(id: StoredId): Effect.Effect<ReadonlyArray<Live>, SessionError> {
    return Effect.flatMap(this.read(id), (known) => {
      const { entries } = known.register
      return Effect.flatMap(this.lookUp(entries.filter(({ ending }) => !ending)), (live) => {
        const isLive = new Set(live.map(({ entry }) => entry.family))
        const dead = entries.filter(({ family }) => !isLive.has(family))
        return dead.length === 0
          ? Effect.succeed(live)
          : // A list that could not be tidied is right all the same.
            Effect.as(Effect.ignore(this.change(id, known, dropping(dead))), live)
      })
    })
  }

  /** Lists a session, under a new id if it is listed already, and makes room for it. */
  private adding({ from, ...session }: Listed): Planning<Listing> {
    const entry: Entry = { ...session, ending: false }
    const isOwn = ({ family }: Entry) => family === entry.family
    return ({ entries, swept }, isKept) => {
      // A backend that evicts may have lost the register; who is signed in must not be signed out by that.
      const isLost = !isKept && this.keeper.evicts
      if (from !== undefined && !isLost && !entries.some(({ family }) => family === from)) {
        return Effect.succeed({ result: "Gone" })
      }
      const listed = entries.find(isOwn)
      return listed === undefined
        ? this.makingRoom({ entries, swept }, entry)
        : Effect.succeed(
            // If it is listed under a later id, this one was renewed by a request that is behind.
            listed.moves > entry.moves || (listed.ref === entry.ref && listed.endsAt === entry.endsAt)
              ? { result: "Listed" }
              : {
                  entries: entries.map((other) => (isOwn(other) ? { ...entry, startedAt: other.startedAt } : other)),
                  result: "Listed"
                }
          )
    }
  }

  private makingRoom({ entries, swept }: Register, entry: Entry): Effect.Effect<Plan<Listing>, SessionError> {
    const { max, whenExceeded } = this.config.principals
    const excess = entries.length + 1 - max
    const isExact = whenExceeded === "refuse" || max <= exactUpTo
    if (entries.length >= 2 * swept + slack || (excess > 0 && isExact)) {
      return Effect.map(this.lookUp(entries), (found): Plan<Listing> => {
        const live = found.map(({ entry }) => entry)
        const over = live.length + 1 - max
        return over > 0 && whenExceeded === "refuse"
          ? { result: "Full" }
          : {
              entries: [...live.map((other, i) => (i < over ? { ...other, ending: true } : other)), entry],
              swept: live.length,
              result: "Listed"
            }
      })
    }
    const [oldest, others] = [entries.slice(0, Math.max(excess, 0)), entries.slice(Math.max(excess, 0))]
    return Effect.map(oldest.length === 0 ? Effect.succeed([]) : this.lookUp(oldest), (live) => ({
      entries: [...live.map(({ entry }) => ({ ...entry, ending: true })), ...others, entry],
      result: "Listed"
    }))
  }

  /** Finds the live sessions among those of entries, even if they have another id by now. */
  private lookUp(entries: ReadonlyArray<Entry>): Effect.Effect<ReadonlyArray<Live>, SessionError> {
    const looking = Effect.forEach(
      entries,
      (entry) => Effect.map(this.keeper.find(entry.ref), (found) => ({ entry, found })),
      { concurrency }
    )
    return Effect.flatMap(looking, (found) =>
      Effect.clockWith((clock) =>
        Effect.succeed(
          found.flatMap(({ entry, found }): ReadonlyArray<Live> => {
            const data = found && this.codec.decode(found.payload)
            return found === undefined ||
              data?.owner?.family !== entry.family ||
              lifetimeOf(this.config, data, millisOf(clock)) <= 0
              ? []
              : [
                  {
                    entry: { ...entry, ref: found.kept.ref, moves: data.owner.moves },
                    base: { kept: found.kept, data }
                  }
                ]
          })
        )
      )
    )
  }

  private change<A>(id: StoredId, known: Known, planning: Planning<A>): Effect.Effect<A, SessionError> {
    return this.turns.take(id, (turn) => this.attempt(id, turn, turn.latest ?? known, planning, 1))
  }

  private attempt<A>(
    id: StoredId,
    turn: Turn<Known>,
    known: Known,
    planning: Planning<A>,
    count: number
  ): Effect.Effect<A, SessionError> {
    const { entries, swept } = known.register
    // Another process began to end them. It may have stopped, so they are ended here before their entries go.
    const ending = entries.filter((entry) => entry.ending)
    const register = ending.length === 0 ? known.register : { entries: entries.filter((entry) => !entry.ending), swept }
    return Effect.flatMap(
      Effect.andThen(this.endAll(ending), planning(register, known.revision !== undefined)),
      (plan) => {
        if (plan.entries === undefined && ending.length === 0) {
          return Effect.succeed(plan.result)
        }
        const next: Register = { entries: plan.entries ?? register.entries, swept: plan.swept ?? swept }
        return Effect.flatMap(this.store(id, known.revision, next), (result) =>
          result._tag === "Written"
            ? Effect.as(this.written(id, turn, { register: next, revision: result.revision }), plan.result)
            : Effect.flatMap(this.latest(id, result, count), (latest) =>
                this.attempt(id, turn, latest, planning, count + 1)
              )
        )
      }
    )
  }

  /** Ends the sessions whose entries were marked, and then drops these. */
  private written(id: StoredId, turn: Turn<Known>, known: Known): Effect.Effect<void, SessionError> {
    const { entries, swept } = known.register
    turn.latest = known
    const ending = entries.filter((entry) => entry.ending)
    if (ending.length === 0) {
      return Effect.void
    }
    const register = { entries: entries.filter((entry) => !entry.ending), swept }
    return Effect.andThen(
      this.endAll(ending),
      // If it fails, the next change of the register does it.
      Effect.ignore(
        Effect.map(this.store(id, known.revision, register), (result) => {
          turn.latest = result._tag === "Written" ? { register, revision: result.revision } : undefined
        })
      )
    )
  }

  private endAll(entries: ReadonlyArray<Entry>): Effect.Effect<void, SessionError> {
    return entries.length === 0
      ? Effect.void
      : Effect.forEach(
          entries,
          ({ ref }) => Effect.map(this.keeper.endRef!(ref), () => this.telemetry.emit("Destroyed", ref)),
          { concurrency, discard: true }
        )
  }

  private store(
    id: StoredId,
    revision: Revision | undefined,
    register: Register
  ): Effect.Effect<Written | Conflict | Gone | Exists, SessionError> {
    return Effect.clockWith((clock): Effect.Effect<Written | Conflict | Gone | Exists, SessionError> => {
      const now = millisOf(clock)
      const kept = { ...register, entries: standing(register.entries, now) }
      const ttl = Duration.millis(lifetime(kept.entries, now))
      return revision === undefined
        ? this.records.create(id, encode(kept), ttl)
        : this.records.write(id, encode(kept), ttl, revision)
    })
  }

  /** The register that another process has stored, after a pause if this happened before. */
  private latest(id: StoredId, result: Conflict | Gone | Exists, count: number): Effect.Effect<Known, SessionError> {
    if (count >= maxAttempts) {
      return new SessionError({
        reason: "Conflict",
        message: `${this.keeper.name}: others changed the list of the person's sessions ${count} times meanwhile: try again`
      })
    }
    return result._tag === "Conflict" && result.current !== undefined && count === 1
      ? this.known(result.current)
      : Effect.andThen(
          count === 1 ? Effect.void : Effect.suspend(() => rest(Math.random() * Math.min(2 ** count, 64))),
          this.read(id)
        )
  }

  private known(stored: Stored | undefined): Effect.Effect<Known, SessionError> {
    const register = stored === undefined ? empty : decode(stored.payload)
    return register === undefined
      ? new SessionError({
          reason: "Unavailable",
          message: `${this.keeper.name}: the list of a person's sessions cannot be read: it may be of a newer version of effect-session`
        })
      : Effect.succeed({ register, revision: stored?.revision })
  }
}

/** Drops the entries of sessions that are gone, unless they are under another id by now. */
const dropping =
  (dead: ReadonlyArray<Entry>): Planning<void> =>
  ({ entries }) => {
    const left = entries.filter(({ family, ref }) => !dead.some((gone) => gone.family === family && gone.ref === ref))
    return Effect.succeed(left.length === entries.length ? { result: undefined } : { entries: left, result: undefined })
  }
