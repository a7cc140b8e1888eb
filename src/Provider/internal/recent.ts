/**
 * A map of the most recently used entries.
 */

/** A map of at most `limit` entries, in the order of their use: the least recently used one is dropped first. */
export class Recent<K, V> extends Map<K, V> {
  constructor(private readonly limit = Number.POSITIVE_INFINITY) {
    super()
  }

  /** Puts an entry last in line. Returns the one that is dropped for it, if any. */
  use(key: K, value: V): V | undefined {
    this.delete(key)
    this.set(key, value)
    if (this.size <= this.limit) {
      return undefined
    }
    const [oldest, left] = this.entries().next().value!
    this.delete(oldest)
    return left
  }
}
