/**
 * Lets the commits of one session in this process take turns, each starting from what the one before it stored. So they do not
 * conflict with each other, however many there are; compare-and-set settles what other processes do. No lock is held while
 * a handler runs.
 */
import * as Effect from "effect/Effect"

/** What goes from one commit of a session to the next. */
export interface Turn<A> {
  latest: A | undefined
}

class Line<A> implements Turn<A> {
  latest: A | undefined = undefined
  readonly waiting: Array<() => void> = []
}

export class Turns<A> {
  private readonly lines = new Map<string, Line<A>>()

  /** Runs `commit` when it is this caller's turn at `key`. */
  take<B, E, R>(key: string, commit: (turn: Turn<A>) => Effect.Effect<B, E, R>): Effect.Effect<B, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const line = this.lines.get(key)
        if (line === undefined) {
          const first = new Line<A>()
          this.lines.set(key, first)
          return Effect.ensuring(restore(commit(first)), this.pass(key, first))
        }
        return Effect.zipRight(
          restore(this.wait(key, line)),
          Effect.ensuring(
            Effect.suspend(() => restore(commit(line))),
            this.pass(key, line)
          )
        )
      })
    )
  }

  private wait(key: string, line: Line<A>): Effect.Effect<void> {
    return Effect.async((resume) => {
      const go = () => resume(Effect.void)
      line.waiting.push(go)
      return Effect.suspend(() => {
        const at = line.waiting.indexOf(go)
        if (at === -1) {
          // Interrupted when its turn had come: the next one's, then.
          return this.pass(key, line)
        }
        line.waiting.splice(at, 1)
        return Effect.void
      })
    })
  }

  private pass(key: string, line: Line<A>): Effect.Effect<void> {
    return Effect.sync(() => {
      const next = line.waiting.shift()
      if (next === undefined) {
        this.lines.delete(key)
      } else {
        next()
      }
    })
  }
}
