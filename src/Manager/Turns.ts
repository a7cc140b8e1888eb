/**
 * Taking turns. The commits of one session in this process go one after the other, each starting from what the one before it stored:
 * so they do not conflict with each other, however many there are, and compare-and-set settles what other processes do. No lock is
 * held while a handler runs.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SessionError } from "../SessionError.js"

/** How long to wait, and what comes of it. */
export interface Patience {
  readonly millis: number
  readonly late: Effect.Effect<never, SessionError>
}

export const patience = (backend: string, timeout: Duration.Duration): Patience => ({
  millis: Math.min(Duration.toMillis(timeout), 2 ** 31 - 1),
  late: Effect.suspend(() =>
    Effect.fail(
      new SessionError({
        reason: "Unavailable",
        message: `${backend}: no answer within ${Duration.format(timeout)}: check that the backend is up and reachable`
      })
    )
  )
})

/** A first-come, first-served lock. Who waits for too long gives up. */
export class Line {
  private taken = false
  private readonly waiting: Array<() => void> = []

  constructor(private readonly patience: Patience) {}

  get idle(): boolean {
    return !this.taken
  }

  /** Runs the effect when all who came before are done. */
  take<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SessionError, R> {
    return Effect.uninterruptibleMask((restore) => {
      const turn = Effect.matchCauseEffect(restore(effect), {
        onFailure: (cause) => {
          this.pass()
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          this.pass()
          return Effect.succeed(value)
        }
      })
      if (this.taken) {
        return Effect.zipRight(restore(this.wait), turn)
      }
      this.taken = true
      return turn
    })
  }

  private get wait(): Effect.Effect<void, SessionError> {
    return Effect.async((resume) => {
      const go = () => {
        clearTimeout(timer)
        resume(Effect.void)
      }
      let left = false
      const leave = () => {
        const at = this.waiting.indexOf(go)
        left ||= at !== -1
        if (at !== -1) {
          this.waiting.splice(at, 1)
        }
      }
      const timer = setTimeout(() => {
        leave()
        resume(this.patience.late)
      }, this.patience.millis)
      this.waiting.push(go)
      return Effect.sync(() => {
        clearTimeout(timer)
        leave()
        if (!left) {
          // Interrupted when its turn had come: the next one's, then.
          this.pass()
        }
      })
    })
  }

  private pass(): void {
    const next = this.waiting.shift()
    if (next === undefined) {
      this.taken = false
    } else {
      next()
    }
  }
}

/** What goes from one commit of a session to the next. */
export interface Turn<A> {
  latest: A | undefined
}

/** A line for each session that is being committed, and none for others. */
export class Turns<A> {
  private readonly lines = new Map<string, Line & Turn<A>>()

  constructor(private readonly patience: Patience) {}

  take<B, E, R>(key: string, commit: (turn: Turn<A>) => Effect.Effect<B, E, R>): Effect.Effect<B, E | SessionError, R> {
    return Effect.suspend(() => {
      const line = this.lines.get(key) ?? Object.assign(new Line(this.patience), { latest: undefined })
      this.lines.set(key, line)
      return Effect.ensuring(
        line.take(Effect.suspend(() => commit(line))),
        Effect.sync(() => {
          if (line.idle) {
            this.lines.delete(key)
          }
        })
      )
    })
  }
}
