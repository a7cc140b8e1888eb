/**
 * Keeps a register of each person's sessions, beside the sessions and by compare-and-set, so that they can be listed,
 * ended and limited in number.
 *
 * A session is stored before it is listed, under an id that nobody knows, and its client is told of it last. What ends
 * sessions first marks their entries: from then on a session that changes its id finds that it has ended. So whatever
 * process stops between any two calls, no client can use a session that is not listed.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import type { Records, StoredId } from "../../Provider/Provider.js"
import type { SessionError } from "../../SessionError.js"
import type { Environment } from "../Environment.js"
import { isClosed, type Seen } from "../findLive.js"
import { lifetimeOf } from "../lifetimes.js"
import { type Known, type Plan, type Planning, Registers } from "./Registers.js"
import type { Entry, Register } from "./register.js"

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
export interface Live extends Seen {
  readonly entry: Entry
}

/**
 * A session that is there. If it is not live, it is over for this process, or of a newer format, and may be live for
 * another process with another clock, configuration or version.
 */
interface Present extends Live {
  readonly isLive: boolean
}

const isLive = (one: Present): boolean => one.isLive

/** How many sessions are looked up at once. */
const concurrency = 16

/** How many entries of dead sessions a register may have before all are looked up, beside as many as were live. */
const slack = 32

/** With more sessions than this at their limit, only the oldest are looked up, and not all for each sign-in. */
const exactUpTo = 64

export class People {
  private readonly registers: Registers

  constructor(
    records: Records<SessionError>,
    private readonly env: Pick<Environment, "codec" | "config" | "keeper" | "patience" | "telemetry">
  ) {
    this.registers = new Registers(env.keeper.name, records, (entries) => this.endOf(entries), env.patience)
  }

  /** Reads the register of a principal. */
  read(id: StoredId): Effect.Effect<Known, SessionError> {
    return this.registers.read(id)
  }

  /** Whether a session could be listed now, as far as that can be said before it is stored. */
  foresee({ register, revision }: Known, session: Listed): Effect.Effect<Listing, SessionError> {
    return session.from !== undefined || this.env.config.principals.whenExceeded === "refuse"
      ? Effect.map(this.adding(session)(register, revision !== undefined), ({ result }) => result)
      : Effect.succeed("Listed")
  }

  /** Lists a session that was stored. */
  list(id: StoredId, known: Known, session: Listed): Effect.Effect<Listing, SessionError> {
    return this.registers.change(id, known, this.adding(session))
  }

  /** Ends the listed sessions that `which` names. */
  end(id: StoredId, which: (entry: Entry) => boolean): Effect.Effect<void, SessionError> {
    return Effect.flatMap(this.read(id), (known) =>
      this.registers.change(id, known, ({ entries }) =>
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
      return Effect.flatMap(this.lookUp(entries.filter(({ ending }) => !ending)), (found) => {
        const isThere = new Set(found.map(({ entry }) => entry.family))
        const dead = entries.filter(({ family }) => !isThere.has(family))
        const live = found.filter(isLive)
        return dead.length === 0
          ? Effect.succeed(live)
          : // A list that could not be tidied is right all the same.
            Effect.as(Effect.ignore(this.registers.change(id, known, dropping(dead))), live)
      })
    })
  }

  /** Lists a session, under a new id if it is listed already, and makes room for it. */
  private adding({ from, ...session }: Listed): Planning<Listing> {
    const entry: Entry = { ...session, ending: false }
    const isOwn = ({ family }: Entry) => family === entry.family
    return ({ entries, swept }, isKept) => {
      // A backend that evicts may have lost the register; who is signed in must not be signed out by that.
      const isLost = !isKept && this.env.keeper.evicts
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
    const { max, whenExceeded } = this.env.config.principals
    const excess = entries.length + 1 - max
    const isExact = whenExceeded === "refuse" || max <= exactUpTo
    if (entries.length >= 2 * swept + slack || (excess > 0 && isExact)) {
      return Effect.map(this.lookUp(entries), (found): Plan<Listing> => {
        const live = found.filter(isLive)
        const tooMany = new Set(live.slice(0, Math.max(live.length + 1 - max, 0)).map(({ entry }) => entry.family))
        return tooMany.size > 0 && whenExceeded === "refuse"
          ? { result: "Full" }
          : {
              entries: [
                ...found.map(({ entry }) => (tooMany.has(entry.family) ? { ...entry, ending: true } : entry)),
                entry
              ],
              swept: found.length,
              result: "Listed"
            }
      })
    }
    const [oldest, others] = [entries.slice(0, Math.max(excess, 0)), entries.slice(Math.max(excess, 0))]
    return Effect.map(oldest.length === 0 ? Effect.succeed([]) : this.lookUp(oldest), (found) => ({
      entries: [...found.map(({ entry }) => ({ ...entry, ending: true })), ...others, entry],
      result: "Listed"
    }))
  }

  private endOf(entries: ReadonlyArray<Entry>): Effect.Effect<void, SessionError> {
    return entries.length === 0
      ? Effect.void
      : Effect.forEach(
          entries,
          ({ ref }) => Effect.map(this.env.keeper.endRef!(ref), () => this.env.telemetry.emit("Destroyed", ref)),
          { concurrency, discard: true }
        )
  }

  /** Finds the sessions of entries that are there, even if they have another id by now. */
  private lookUp(entries: ReadonlyArray<Entry>): Effect.Effect<ReadonlyArray<Present>, SessionError> {
    const { codec, config, keeper } = this.env
    const looking = Effect.forEach(
      entries,
      (entry) => Effect.map(keeper.find(entry.ref), (found) => ({ entry, found })),
      { concurrency }
    )
    return Effect.flatMap(looking, (found) =>
      Effect.clockWith((clock) =>
        Effect.succeed(
          found.flatMap(({ entry, found }): ReadonlyArray<Present> => {
            if (found === undefined) {
              return []
            }
            const { kept, payload } = found
            const data = payload && codec.decode(payload)
            if (data !== undefined && data.owner?.family !== entry.family) {
              return []
            }
            return [
              {
                entry: { ...entry, ref: kept.ref, moves: data?.owner?.moves ?? entry.moves },
                kept,
                data,
                isLive: data === undefined ? isClosed(this.env, found) : lifetimeOf(config, data, millisOf(clock)) > 0
              }
            ]
          })
        )
      )
    )
  }
}

/** Drops the entries of sessions that are gone, unless they are under another id by now. */
const dropping =
  (dead: ReadonlyArray<Entry>): Planning<void> =>
  ({ entries }) => {
    const left = entries.filter(({ family, ref }) => !dead.some((gone) => gone.family === family && gone.ref === ref))
    return Effect.succeed(left.length === entries.length ? { result: undefined } : { entries: left, result: undefined })
  }
