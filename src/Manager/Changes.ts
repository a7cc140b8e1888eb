/**
 * The log of a request's changes to its session, and the values as the request sees them: those that are stored, with the
 * changes on top.
 */
import type { SessionError } from "../SessionError.js"
import type { Draft, Operation } from "../Store/Handle.js"

/** Deletes all values. */
export const clear: Operation = (draft) => {
  for (const key of Object.keys(draft)) {
    delete draft[key]
  }
  return undefined
}

export class Changes {
  private log: Array<Operation> = []
  /** The stored values themselves until the first change, then a copy. */
  private draft: Draft = {}
  private draftIsOwn = true
  /** Why a logged change no longer fits what was stored meanwhile. */
  private misfit: SessionError | undefined = undefined

  /** How many changes are not stored yet. */
  get count(): number {
    return this.log.length
  }

  /** The values as the request sees them. */
  get view(): Readonly<Draft> {
    return this.draft
  }

  /**
   * Logs a change, or returns the reason why it cannot be made. If the session was not read, that is found out when the
   * change is replayed.
   */
  add(operation: Operation, isRead: boolean): SessionError | undefined {
    const error = isRead ? operation(this.ownDraft) : undefined
    if (error === undefined) {
      this.log.push(operation)
    }
    return error
  }

  /** Returns a copy of the view, or the reason why a change does not fit what is stored. */
  get result(): Draft | SessionError {
    return this.misfit ?? { ...this.draft }
  }

  /** Returns these values with all changes applied, or the reason why one cannot be applied. */
  replay(stored: Readonly<Draft> | undefined): Draft | SessionError {
    const values = { ...stored }
    for (const operation of this.log) {
      const error = operation(values)
      if (error !== undefined) {
        return error
      }
    }
    return values
  }

  /** Forgets the first `count` changes, or all. The view stays until `show`. */
  drop(count = this.log.length): void {
    this.log = this.log.slice(count)
  }

  /** Shows these stored values, with the changes on top. */
  show(stored: Draft | undefined): void {
    this.draft = stored ?? {}
    this.draftIsOwn = stored === undefined
    this.misfit = undefined
    for (const operation of this.log) {
      this.misfit ??= operation(this.ownDraft)
    }
  }

  private get ownDraft(): Draft {
    if (!this.draftIsOwn) {
      this.draft = { ...this.draft }
      this.draftIsOwn = true
    }
    return this.draft
  }
}
