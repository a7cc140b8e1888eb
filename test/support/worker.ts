/**
 * Runs in each process of the tests before its first file: a process whose run was ended ends too. It would go on with what its tests
 * have left running, at the cost of a core and of more and more memory.
 */
const isWatched = Symbol.for("effect-session/test/worker")

if (!(isWatched in process)) {
  Object.defineProperty(process, isWatched, { value: true })
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"))
}
