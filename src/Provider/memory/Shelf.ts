/**
 * Entries that expire, at most so many of them: those that have expired make room for new ones, then those of the lower
 * rank, and then the others; of equals the one that was not used for the longest time.
 */
import type { StoredId } from "../contract.js"
import { type Expiring, ExpiryIndex } from "./ExpiryIndex.js"
import { Line, leave, type Standing } from "./Line.js"
import { Parts } from "./Parts.js"

export interface Entry extends Standing, Expiring {
  readonly id: StoredId
  /** Whether it stays if another one can go. */
  readonly high: boolean
}

/** How many entries a new one looks at, to find some that have expired. */
const looks = 1_000

export class Shelf<T extends Entry> {
  private readonly entries = new Parts<StoredId, T>()
  private readonly index = new ExpiryIndex<T>()
  // Without a limit nobody stands in these lines.
  private readonly low = new Line<T>()
  private readonly high = new Line<T>()

  constructor(private readonly limit: number | undefined) {}

  get size(): number {
    return this.entries.size
  }

  /** Returns the live entry with this id. */
  get(id: StoredId, now: number): T | undefined {
    const entry = this.entries.get(id)
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }

  /** Returns the live entry with this id, which counts as used. */
  use(id: StoredId, now: number): T | undefined {
    const entry = this.get(id, now)
    if (entry !== undefined && this.limit !== undefined) {
      this.lineOf(entry).use(entry)
    }
    return entry
  }

  /** Adds an entry, in place of the one with its id if there is one. */
  put(entry: T, now: number): void {
    const stale = this.entries.get(entry.id)
    if (stale !== undefined) {
      this.remove(stale)
    }
    if (this.limit !== undefined) {
      this.makeRoom(this.limit, now)
      this.lineOf(entry).use(entry)
    }
    this.index.add(entry)
    this.entries.add(entry.id, entry)
  }

  move(entry: T, expiresAt: number): void {
    this.index.move(entry, expiresAt)
  }

  remove(entry: T): void {
    this.index.remove(entry)
    this.drop(entry)
  }

  /**
   * Removes entries that have expired, and calls `each` for every one. Looks at `limit` entries at most, and returns
   * whether these were all: otherwise the next call goes on from there.
   */
  collect(now: number, limit: number, each: () => void): boolean {
    return this.index.takeExpired(now, limit, (entry) => {
      this.drop(entry)
      each()
    })
  }

  /** The live entries, some at a time. */
  *live(now: number): Generator<ReadonlyArray<T>> {
    for (const part of this.entries.values()) {
      yield part.filter(({ expiresAt }) => expiresAt > now)
    }
  }

  private makeRoom(limit: number, now: number): void {
    if (this.size >= limit) {
      this.collect(now, looks, () => {})
    }
    const last = this.size >= limit ? (this.low.first ?? this.high.first) : undefined
    if (last !== undefined) {
      this.remove(last)
    }
  }

  private lineOf({ high }: T): Line<T> {
    return high ? this.high : this.low
  }

  /** Forgets an entry that is not in the index. */
  private drop(entry: T): void {
    this.entries.delete(entry.id)
    leave(entry)
  }
}
