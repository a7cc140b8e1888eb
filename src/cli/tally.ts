/**
 * Counts what became of the sessions of a copy, and says it.
 */
import type { Provider, Stored, StoredId } from "../Provider/Provider.js"
import { number } from "./progress.js"

/** What was asked for. */
export interface Options {
  readonly from: string
  readonly to: string
  readonly move: boolean
  readonly dryRun: boolean
}

/**
 * What became of a session or a list: it was taken; it is at the new place already, the same or not; it has ended there; it has
 * ended at the old place before it could be taken; or it does not fit.
 */
export type Fate = "taken" | "same" | "different" | "ended" | "gone" | "tooLarge"

/** How many sessions are looked at again afterwards, in case the app has changed them at their old place. */
const watched = 100_000

const sessions = (n: number): string => (n === 1 ? "1 session" : `${number(n)} sessions`)

const people = (n: number): string => (n === 1 ? "1 person" : `${number(n)} people`)

export class Tally {
  private readonly fates: Record<Fate, number> = { taken: 0, same: 0, different: 0, ended: 0, gone: 0, tooLarge: 0 }
  private readonly owners = new Set<StoredId>()
  private readonly closed = new Set<StoredId>()
  private lists = 0
  private split = 0
  private changed = 0
  /** Sessions as they were when they were taken. */
  readonly taken = new Map<StoredId, Stored>()

  session(ref: StoredId, fate: Fate, stored: Stored | undefined): void {
    this.fates[fate] += 1
    if (fate === "taken" && this.taken.size < watched) {
      // All but its payload, which would take the memory.
      this.taken.set(ref, { ...stored!, payload: new Uint8Array(0) })
    }
  }

  /** Whether this person's list was not seen yet. A session that does not open tells none. */
  isNew(ref: StoredId, owner: StoredId | "closed" | undefined): owner is StoredId {
    if (owner === "closed") {
      this.closed.add(ref)
    }
    if (owner === undefined || owner === "closed" || this.owners.has(owner)) {
      return false
    }
    this.owners.add(owner)
    return true
  }

  list(fate: Fate, { move }: Options): void {
    this.lists += move && fate !== "taken" ? 0 : 1
    this.split += fate === "different" ? 1 : 0
  }

  /** A session at its old place, some time after it was taken. */
  later(before: Stored, now: Stored | undefined): void {
    const hasEnded = now === undefined && before.expiresAt > Date.now()
    this.changed += hasEnded || (now !== undefined && now.revision !== before.revision) ? 1 : 0
  }

  /** How many are dealt with. */
  get done(): number {
    const { gone, ...others } = this.fates
    return Object.values(others).reduce((sum, n) => sum + n)
  }

  report(
    { dryRun, move }: Options,
    { name: from }: Provider,
    { list, name: to }: Provider
  ): { readonly summary: string; readonly problems: ReadonlyArray<string> } {
    const { different, ended, same, taken, tooLarge } = this.fates
    const did = dryRun ? (move ? "Would move" : "Would copy") : move ? "Moved" : "Copied"
    const said = (count: number, text: string) => (count > 0 ? [text] : [])
    return {
      summary: [
        `${did} ${sessions(taken)} from ${from} to ${to}, and the lists of ${people(this.lists)}.`,
        ...said(same, `${number(same)} were there already.`),
        ...said(ended, `${number(ended)} have ended there.`)
      ].join(" "),
      problems: [
        ...said(
          move ? 0 : different,
          `${sessions(different)} at ${to} already, with other content than at ${from}: left as they are. If the app has not used ${to} yet, empty it and copy again`
        ),
        ...said(tooLarge, `${sessions(tooLarge)} larger than ${to} takes: left at ${from}`),
        ...said(
          this.closed.size,
          `${sessions(this.closed.size)} cannot be opened with SESSION_AT_REST_KEYS, so that the lists of their people were not found: set the keys that the app has, and run this again`
        ),
        ...said(
          this.split,
          `${people(this.split)} signed in at ${to} already: the lists of their sessions there do not name those that were copied, and endAll would not end them. Let the app run with SessionLayer.moving, and use --move`
        ),
        ...said(
          move && list === undefined ? 1 : 0,
          `${to} cannot list its sessions, so that the lists of people whose sessions moved with their requests were not looked for: let the app run with SessionLayer.moving until these sessions have ended`
        ),
        ...said(
          this.changed,
          `${sessions(this.changed)} changed or ended at ${from} after they were copied: the app still writes there, and ${to} does not know. Stop the app, empty ${to} and copy again; or let the app run with SessionLayer.moving, and use --move`
        )
      ]
    }
  }
}
