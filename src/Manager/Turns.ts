/**
 * Taking turns. The commits of one session in this process go one after the other, each starting from what the one before it stored:
 * so they do not conflict with each other, however many there are, and compare-and-set settles what other processes do. No lock is
 * held while a handler runs.
 */
import * as Effect from "effect/Effect"

/** A first-come, first-served lock. */
export class Line {
  private taken = false
  private readonly waiting: Array<() => void> = []

  get idle(): boolean {
    return !this.taken
  }

  /** Runs the effect when all who came before are done. */
  take<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        if (this.taken) {
          return Effect.zipRight(restore(this.wait), Effect.ensuring(restore(effect), this.pass))
        }
        this.taken = true
        return Effect.ensuring(restore(effect), this.pass)
      })
    )
  }

  private readonly wait: Effect.Effect<void> = Effect.async((resume) => {
    const go = () => resume(Effect.void)
    this.waiting.push(go)
    return Effect.suspend(() => {
      const at = this.waiting.indexOf(go)
      if (at === -1) {
        // Interrupted when its turn had come: the next one's, then.
        return this.pass
      }
      this.waiting.splice(at, 1)
      return Effect.void
    })
  })

  private readonly pass: Effect.Effect<void> = Effect.sync(() => {
    const next = this.waiting.shift()
    if (next === undefined) {
      this.taken = false
    } else {
      next()
    }
  })
}

/** What goes from one commit of a session to the next. */
export class Turn<A> extends Line {
  latest: A | undefined = undefined
}

/** A line for each session that is being committed, and none for others. */
export class Turns<A> {
  private readonly turns = new Map<string, Turn<A>>()

  take<B, E, R>(key: string, commit: (turn: Turn<A>) => Effect.Effect<B, E, R>): Effect.Effect<B, E, R> {
    return Effect.suspend(() => {
      const turn = this.turns.get(key) ?? new Turn<A>()
      this.turns.set(key, turn)
      return Effect.ensuring(
        turn.take(Effect.suspend(() => commit(turn))),
        Effect.sync(() => {
          if (turn.idle && this.turns.get(key) === turn) {
            this.turns.delete(key)
          }
        })
      )
    })
  }
}
