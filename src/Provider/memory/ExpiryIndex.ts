/**
 * An index of expiry times: buckets of one second in a heap, so that the cost of taking out expired items depends only
 * on their number.
 */

/** Something that expires. */
export interface Expiring {
  /** Milliseconds since the epoch. */
  expiresAt: number
}

const secondOf = (item: Expiring): number => Math.floor(item.expiresAt / 1000)

/** @internal */
export class ExpiryIndex<T extends Expiring> {
  /**
   * A second stays here and in the heap until its turn. An emptied bucket becomes null, so that neither holds the
   * second twice.
   */
  private readonly buckets = new Map<number, Set<T> | null>()
  /** The seconds that have a bucket, as a binary min-heap. */
  private readonly heap: Array<number> = []

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

  /** Takes out all items that have expired at `now`, calls `each` with them, and returns their number. */
  takeExpired(now: number, each: (item: T) => void): number {
    let taken = 0
    while (this.heap.length > 0 && this.heap[0]! * 1000 <= now) {
      const second = this.heap[0]!
      const bucket = this.buckets.get(second)
      if (bucket) {
        for (const item of bucket) {
          if (item.expiresAt <= now) {
            bucket.delete(item)
            each(item)
            taken++
          }
        }
        if (bucket.size > 0) {
          // This second has not ended yet: its other items are still live.
          return taken
        }
      }
      this.buckets.delete(second)
      this.pop()
    }
    return taken
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
