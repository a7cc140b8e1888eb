/**
 * How far a long command is: a bar on a terminal, or a line now and then in a log.
 */
import * as Clock from "#effect/Clock"
import * as Console from "#effect/Console"
import * as Effect from "#effect/Effect"

const width = 30

const bar = (done: number, total: number): string => {
  const share = total === 0 ? 1 : Math.min(done / total, 1)
  const filled = Math.round(share * width)
  return `[${"=".repeat(filled)}${" ".repeat(width - filled)}] ${Math.floor(share * 100)} %`
}

export const number = (n: number): string => n.toLocaleString("en")

const left = (millis: number, done: number, total: number): string => {
  const seconds = Math.round(((millis / Math.max(done, 1)) * Math.max(total - done, 0)) / 1000)
  return seconds < 90 ? `${seconds} s left` : `${Math.round(seconds / 60)} min left`
}

/** Makes what tells how many are done of `total`, which is unknown if it is undefined. It tells on the standard error. */
export const makeProgress = (total: number | undefined): Effect.Effect<(done: number) => Effect.Effect<void>> =>
  Effect.map(Clock.currentTimeMillis, (began) => {
    const isTerminal = process.stderr.isTTY === true
    const pause = isTerminal ? 100 : 10_000
    let last = began
    return (done) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (now - last < pause) {
          return Effect.void
        }
        last = now
        const text =
          total === undefined
            ? `${number(done)} sessions`
            : `${bar(done, total)}  ${number(done)} of ${number(total)}, ${left(now - began, done, total)}`
        return isTerminal
          ? Effect.sync(() => void process.stderr.write(`\r${text}\x1b[K${done === total ? "\n" : ""}`))
          : Console.error(text)
      })
  })
