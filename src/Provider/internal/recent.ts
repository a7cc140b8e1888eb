/**
 * What was used last.
 */

/** A map of at most `limit` entries, in the order of their use: the one that was not used for the longest time leaves first. */
export class Recent<K, V> extends Map<K, V> {
  constructor(private readonly limit = Number.POSITIVE_INFINITY) {
    super()
  }

  /** Puts an entry last in line. Returns the one that has to leave for it, if any. */
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
