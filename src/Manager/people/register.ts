/**
 * The register of a person's sessions: the record beside the sessions that lists them. It is JSON text,
 * `{"v": 1, "swept": live, "e": [[family, stored id, moves, startedAt, endsAt, state], ...]}`, oldest first, and names
 * neither the person nor any session's id. The state is 1 if somebody is ending the session, 2 if its owner asked to be
 * remembered, else 0.
 */
import { toBuffer } from "../../internal/bytes.js"
import type { StoredId } from "../../Provider/Provider.js"

/** A session in its person's register. Times are in milliseconds since the epoch. */
export interface Entry {
  /** Names the session. It stays while the id changes, and no client can use it. */
  readonly family: string
  readonly ref: StoredId
  /** How many ids the session had before this one: an entry gives way to that of a later id only. */
  readonly moves: number
  readonly startedAt: number
  /** When the session ends at the latest. */
  readonly endsAt: number
  /** Whether somebody is ending the session: it counts as ended, but may be there yet. */
  readonly ending: boolean
  /** Whether its owner asked to be remembered; false if it is ending, or an older version has listed it. */
  readonly isRemembered: boolean
}

export interface Register {
  readonly entries: ReadonlyArray<Entry>
  /** How many sessions were live when all entries were looked up last. */
  readonly swept: number
}

export const empty: Register = { entries: [], swept: 0 }

export const encode = ({ entries, swept }: Register): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      v: 1,
      swept,
      e: entries.map(({ ending, endsAt, family, isRemembered, moves, ref, startedAt }) => [
        family,
        ref,
        moves,
        startedAt,
        endsAt,
        ending ? 1 : isRemembered ? 2 : 0
      ])
    })
  )

/** Decodes a register; undefined if it is not one that this version can read. */
export const decode = (payload: Uint8Array): Register | undefined => {
  try {
    const { e, swept, v } = JSON.parse(toBuffer(payload).toString("utf8"))
    return v === 1 && typeof swept === "number" && Array.isArray(e) && e.every(isRow)
      ? { swept, entries: e.map(toEntry) }
      : undefined
  } catch {
    return undefined
  }
}

type Row = readonly [family: string, ref: string, moves: number, startedAt: number, endsAt: number, state: number]

const isRow = (row: unknown): row is Row =>
  Array.isArray(row) && row.length === 6 && row.every((part, i) => typeof part === (i < 2 ? "string" : "number"))

const toEntry = ([family, ref, moves, startedAt, endsAt, state]: Row): Entry => ({
  family,
  ref: ref as StoredId,
  moves,
  startedAt,
  endsAt,
  ending: state === 1,
  isRemembered: state === 2
})

const day = 24 * 3_600_000

/**
 * How much longer than its last session a register is kept: clocks of an app's processes differ, and a deployment can
 * make sessions live longer than was known when they were listed.
 */
const margin = 30 * day

/** A session without an absolute end is kept for this long, renewed with every change of the register. */
const longest = 3650 * day

/** How long a register is to be kept, in milliseconds. */
export const lifetime = (entries: ReadonlyArray<Entry>, now: number): number =>
  Math.min(Math.max(60_000, ...entries.map(({ endsAt }) => endsAt + margin - now)), longest)
