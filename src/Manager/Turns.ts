/**
 * Lets the commits of one session in this process take turns. Each starts from the session that the one before it
 * stored, so they never conflict with each other; compare-and-set handles the writes of other processes. No lock is
 * held while a handler runs.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { checkBackend } from "../internal/failure.js"
import { deadline, rest } from "../internal/machineTime.js"
import { SessionError } from "../SessionError.js"

/**
 * The most attempts of a change that conflicts with those of other processes. Within this process, changes of a session
 * take turns.
 */
export const maxAttempts = 24

/** The pause after an attempt that conflicted: none after the first, then random and longer each time, up to 64 ms. */
export const pauseAfter = (attempt: number): Effect.Effect<void> =>
  attempt === 1 ? Effect.void : Effect.suspend(() => rest(Math.random() * Math.min(2 ** attempt, 64)))

/** How long to wait, and the error if that is not enough. */
export interface Patience {
  readonly millis: number
  readonly late: Effect.Effect<never, SessionError>
}

/** The error of a backend that has not answered in time. */
export const lateAnswer = (backend: string, timeout: Duration.Duration): SessionError =>
  new SessionError({
    reason: "Unavailable",
    message: `${backend}: no answer within ${Duration.format(timeout)}: ${checkBackend}`
  })

export const patience = (backend: string, timeout: Duration.Duration): Patience => ({
  millis: Math.min(Duration.toMillis(timeout), 2 ** 31 - 1),
  late: Effect.suspend(() => Effect.fail(lateAnswer(backend, timeout)))
})

/** A first-come, first-served lock. A fiber that waits for too long fails. */
export class Line {
  private taken = false
  private readonly waiting: Array<() => void> = []

  constructor(private readonly patience: Patience) {}

  get idle(): boolean {
    return !this.taken
  }

  /** Runs the effect when all effects that came before it are done. */
  take<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SessionError, R> {
    return Effect.uninterruptibleMask((restore) => this.hold(restore(effect), restore))
  }

  /** {@link take} for a fiber that is not interrupted meanwhile. Comes into line when it is called. */
  hold<A, E, R>(
    effect: Effect.Effect<A, E, R>,
    restore: (wait: Effect.Effect<void, SessionError>) => Effect.Effect<void, SessionError> = (wait) => wait
  ): Effect.Effect<A, E | SessionError, R> {
    const turn = Effect.matchCauseEffect(effect, {
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
      return Effect.andThen(restore(this.wait), turn)
    }
    this.taken = true
    return turn
  }

  private get wait(): Effect.Effect<void, SessionError> {
    return Effect.callback((resume) => {
      const go = () => {
        met()
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
      const met = deadline(this.patience.millis, () => {
        leave()
        resume(this.patience.late)
      })
      this.waiting.push(go)
      return Effect.sync(() => {
        met()
        leave()
        if (!left) {
          // Interrupted when its turn had come: the turn passes to the next.
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

/** The state that one commit of a session passes to the next. */
export interface Turn<A> {
  latest: A | undefined
}

/** A line for each session that is being committed. */
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
