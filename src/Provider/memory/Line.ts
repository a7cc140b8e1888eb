/**
 * A line of entries in the order of their use. It is a ring of the entries themselves: the oldest entry of a `Map` takes
 * longer to find the more were removed before it.
 */

/** An entry, or the line itself between the last and the first one. */
interface Ring {
  before: Ring | undefined
  after: Ring | undefined
}

/** Something that can stand in a line. */
export interface Standing extends Ring {}

/** Takes an entry out of the line that it stands in, if it does. */
export const leave = (entry: Standing): void => {
  if (entry.before !== undefined) {
    entry.before.after = entry.after
    entry.after!.before = entry.before
    entry.before = undefined
    entry.after = undefined
  }
}

export class Line<T extends Standing> {
  private readonly ends: Ring = { before: undefined, after: undefined }

  constructor() {
    this.ends.before = this.ends
    this.ends.after = this.ends
  }

  /** Puts an entry last. */
  use(entry: T): void {
    leave(entry)
    const last = this.ends.before!
    entry.before = last
    entry.after = this.ends
    last.after = entry
    this.ends.before = entry
  }

  /** The entry that was not used for the longest time. */
  get first(): T | undefined {
    return this.ends.after === this.ends ? undefined : (this.ends.after as T)
  }
}
