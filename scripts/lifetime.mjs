// Ends a script of `npm run` when npm ends: npm sends SIGTERM only to its shell, and the shell dies without passing it
// on.

/** Sends SIGTERM to this process once it has lost the shell that npm started it in. */
export const endWithNpm = () => {
  if (process.env["npm_lifecycle_event"] === undefined) return
  const shell = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(watch)
    process.kill(process.pid, "SIGTERM")
  }, 200).unref()
}
