/**
 * Keeps the registers of people in the backend: each is changed by compare-and-set, again and again while others change
 * it first.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Conflict, Exists, Gone, Records, Revision, Stored, StoredId, Written } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import { maxAttempts, type Patience, pauseAfter, type Turn, Turns } from "../Turns.js"
import { decode, type Entry, empty, encode, lifetime, type Register } from "./register.js"

/** A register as it was read or written last; without a revision there is none yet. */
export interface Known {
  readonly register: Register
  readonly revision: Revision | undefined
}

/** The next entries of a register, if they are to change, and what that means. */
export interface Plan<A> {
  readonly entries?: ReadonlyArray<Entry>
  readonly swept?: number
  readonly result: A
}

/** `isKept` is whether the backend has the register, be it empty. */
export type Planning<A> = (register: Register, isKept: boolean) => Effect.Effect<Plan<A>, SessionError>

export class Registers {
  private readonly turns: Turns<Known>

  /** `endOf` ends the sessions of entries that were marked. */
  constructor(
    private readonly backend: string,
    private readonly records: Records<SessionError>,
    private readonly endOf: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, SessionError>,
    patience: Patience
  ) {
    this.turns = new Turns(patience)
  }

  /** Reads the register of a principal. */
  read(id: StoredId): Effect.Effect<Known, SessionError> {
    return Effect.flatMap(this.records.read(id), (stored) => this.known(Option.getOrUndefined(stored)))
  }

  /** Changes a register, and ends the sessions whose entries are marked by then. */
  change<A>(id: StoredId, known: Known, planning: Planning<A>): Effect.Effect<A, SessionError> {
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
      Effect.andThen(this.endOf(ending), planning(register, known.revision !== undefined)),
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
      this.endOf(ending),
      // If it fails, the next change of the register does it.
      Effect.ignore(
        Effect.map(this.store(id, known.revision, register), (result) => {
          turn.latest = result._tag === "Written" ? { register, revision: result.revision } : undefined
        })
      )
    )
  }

  private store(
    id: StoredId,
    revision: Revision | undefined,
    register: Register
  ): Effect.Effect<Written | Conflict | Gone | Exists, SessionError> {
    return Effect.clockWith((clock): Effect.Effect<Written | Conflict | Gone | Exists, SessionError> => {
      const now = millisOf(clock)
      const ttl = Duration.millis(lifetime(register.entries, now))
      return revision === undefined
        ? this.records.create(id, encode(register), ttl)
        : this.records.write(id, encode(register), ttl, revision)
    })
  }

  /** The register that another process has stored, after a pause if this happened before. */
  private latest(id: StoredId, result: Conflict | Gone | Exists, count: number): Effect.Effect<Known, SessionError> {
    if (count >= maxAttempts) {
      return new SessionError({
        reason: "Conflict",
        message: `${this.backend}: others changed the list of the person's sessions ${count} times meanwhile: try again`
      })
    }
    return result._tag === "Conflict" && result.current !== undefined && count === 1
      ? this.known(result.current)
      : Effect.andThen(pauseAfter(count), this.read(id))
  }

  private known(stored: Stored | undefined): Effect.Effect<Known, SessionError> {
    const register = stored === undefined ? empty : decode(stored.payload)
    return register === undefined
      ? new SessionError({
          reason: "Unavailable",
          message: `${this.backend}: the list of a person's sessions cannot be read: it may be of a newer version of effect-session, or sealed with a key that atRest.keys does not have`
        })
      : Effect.succeed({ register, revision: stored?.revision })
  }
}
