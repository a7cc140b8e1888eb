/**
 * Deadlines of calls to servers, in the machine's time.
 */

/**
 * Calls `late` after so many milliseconds, unless the function that it returns is called before. A process that was busy
 * until then first reads the replies that came meanwhile: Node runs timers before it looks at its sockets.
 */
export const deadline = (millis: number, late: () => void): (() => void) => {
  let isMet = false
  const timer = setTimeout(
    () =>
      setImmediate(() => {
        if (!isMet) {
          late()
        }
      }),
    millis
  )
  return () => {
    isMet = true
    clearTimeout(timer)
  }
}
