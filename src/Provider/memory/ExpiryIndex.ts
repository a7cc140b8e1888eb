/**
 * An index of expiry times: buckets of one second in a heap, so that the cost of taking out expired items depends only
 * on their number. Expired items can be taken out a few at a time.
 */

/** Something that expires. */
export interface Expiring {
  /** Milliseconds since the epoch. */
  expiresAt: number
}

const secondOf = (item: Expiring): number => Math.floor(item.expiresAt / 1000)

/** A bucket that is being emptied. Its items stay in the set until all have had their turn: to remove them takes longer. */
interface Draining<T> {
  readonly second: number
  readonly bucket: Set<T>
  readonly items: Iterator<T>
}

/** @internal */
export class ExpiryIndex<T extends Expiring> {
  /**
   * A second stays here and in the heap until its turn. An emptied bucket becomes null, so that neither holds the
   * second twice.
   */
  private readonly buckets = new Map<number, Set<T> | null>()
  /** The seconds that have a bucket, as a binary min-heap. */
  private readonly heap: Array<number> = []
  private draining: Draining<T> | undefined

  add(item: T): void {
    const second = secondOf(item)
    const bucket = this.buckets.get(second)
    if (bucket) {
      bucket.add(item)
      return
    }
    this.buckets.set(second, new Set([item]))
    if (bucket === undefined) {
      this.push(second)
    }
  }

  remove(item: T): void {
    this.draining?.bucket.delete(item)
    const second = secondOf(item)
    const bucket = this.buckets.get(second)
    if (bucket?.delete(item) && bucket.size === 0) {
      this.buckets.set(second, null)
    }
  }

  move(item: T, expiresAt: number): void {
    if (Math.floor(expiresAt / 1000) === secondOf(item)) {
      item.expiresAt = expiresAt
      return
    }
    this.remove(item)
    item.expiresAt = expiresAt
    this.add(item)
  }

  /**
   * Takes out items that have expired at `now`, and calls `each` with them. Looks at `limit` items at most, and returns
   * whether these were all: otherwise the next call goes on from there.
   */
  takeExpired(now: number, limit: number, each: (item: T) => void): boolean {
    let looks = 0
    for (;;) {
      this.draining ??= this.nextBucket(now)
      if (this.draining === undefined) {
        return true
      }
      const { items, second } = this.draining
      for (let next = items.next(); next.done !== true; next = items.next()) {
        const item = next.value
        if (item.expiresAt <= now) {
          each(item)
        } else {
          // This second has not ended yet.
          this.add(item)
        }
        if (++looks === limit) {
          return false
        }
      }
      this.draining = undefined
      if ((second + 1) * 1000 > now) {
        return true
      }
    }
  }

  /** Takes the earliest bucket out, if it is its turn. */
  private nextBucket(now: number): Draining<T> | undefined {
    while (this.heap.length > 0 && this.heap[0]! * 1000 <= now) {
      const second = this.heap[0]!
      const bucket = this.buckets.get(second)
      this.buckets.delete(second)
      this.pop()
      if (bucket) {
        return { second, bucket, items: bucket.values() }
      }
    }
    return undefined
  }

  private push(second: number): void {
    const heap = this.heap
    let at = heap.push(second) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]! <= second) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = second
  }

  private pop(): void {
    const heap = this.heap
    const last = heap.pop()!
    const size = heap.length
    if (size === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && heap[child + 1]! < heap[child]!) child++
      if (heap[child]! >= last) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}
