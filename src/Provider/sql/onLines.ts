/**
 * Statements on a pool's connections, as effects. One that nobody waits for any more is given up.
 */
import * as Effect from "#effect/Effect"
import type { Result, Run } from "./connection.js"
import type { Entry, Line, Lines, Send } from "./lines.js"

/** Runs each statement on a connection that is free. */
const runBy =
  (lines: Lines, isWrite: boolean, sendOf: (line: Line) => Send): Run =>
  (text, params) =>
    Effect.callback<Result, unknown>((resume) => {
      let entry: Entry | undefined
      let isGivenUp = false
      const waiter = lines.take(isWrite, (cause, got) => {
        if (got === undefined) {
          resume(Effect.fail(cause))
          return
        }
        if (isGivenUp) {
          lines.free(got, isWrite)
          return
        }
        entry = got
        sendOf(got.line)(text, params, (cause, result) => {
          if (isGivenUp) {
            // A late cancellation would hit the next statement.
            lines.discard(got)
          }
          lines.free(got, isWrite)
          resume(result === undefined ? Effect.fail(cause) : Effect.succeed(result))
        })
      })
      return Effect.sync(() => {
        isGivenUp = true
        if (entry === undefined) {
          lines.leave(waiter)
        } else {
          lines.giveUp(entry)
        }
      })
    })

export const run = (lines: Lines, isWrite: boolean): Run => runBy(lines, isWrite, ({ send }) => send)

/** Runs a statement without preparing it. */
export const unprepared = (lines: Lines): Run => runBy(lines, false, ({ sendOnce }) => sendOnce)

/** Lends a connection, which nothing else uses meanwhile. It is not used again if `use` was interrupted. */
export const reserve = <A>(
  lines: Lines,
  use: (line: { readonly run: Run; readonly unprepared: Run }) => Effect.Effect<A, unknown>
): Effect.Effect<A, unknown> => {
  const on =
    (entry: Entry, send: Send): Run =>
    (text, params) =>
      Effect.callback<Result, unknown>((resume) => {
        send(text, params, (cause, result) =>
          resume(result === undefined ? Effect.fail(cause) : Effect.succeed(result))
        )
        return Effect.sync(() => {
          entry.line.cancel()
          lines.discard(entry)
        })
      })
  return Effect.suspend(() => {
    let entry: Entry | undefined
    let isOver = false
    // Someone who goes in the moment in which a connection comes has that too.
    const acquire = Effect.callback<Entry, unknown>((resume) => {
      const waiter = lines.take(true, (cause, got) => {
        if (got === undefined) {
          resume(Effect.fail(cause))
        } else if (isOver) {
          lines.free(got, true)
        } else {
          entry = got
          resume(Effect.succeed(got))
        }
      })
      return Effect.sync(() => lines.leave(waiter))
    })
    return acquire.pipe(
      Effect.flatMap((entry) =>
        use({ run: on(entry, entry.line.send), unprepared: on(entry, entry.line.sendOnce) }).pipe(
          // It may be in the middle of a transaction, even if no statement runs.
          Effect.onInterrupt(() => Effect.sync(() => lines.discard(entry)))
        )
      ),
      Effect.ensuring(
        Effect.sync(() => {
          isOver = true
          if (entry !== undefined) {
            lines.free(entry, true)
          }
        })
      )
    )
  })
}
