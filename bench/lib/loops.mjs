// Operations of a provider, again and again, for as long as a round takes.
import * as Effect from "effect/Effect"

/**
 * Calls `worker(i, isOver)` for each of `concurrency` sessions at once, and answers how many operations a second they did,
 * and the processor time for each, in microseconds: the server's, and this process's.
 */
export const throughput = async (concurrency, worker, cpu, seconds) => {
  const used = cpu()
  const own = process.cpuUsage()
  const began = performance.now()
  // Not by a timer, which would have to wait for a backend that never does.
  const counts = await worker(concurrency, () => performance.now() - began >= seconds * 1000)
  const count = counts.reduce((sum, count) => sum + count, 0)
  const { system, user } = process.cpuUsage(own)
  return {
    rate: count / ((performance.now() - began) / 1000),
    server: ((cpu() - used) * 1e6) / count,
    own: (system + user) / count
  }
}

/** The loops of a provider's reads and compare-and-set writes on these sessions, which it creates. */
export const providerSide = async (provider, sessions, payload, ttl) => {
  const revisions = await Effect.runPromise(
    Effect.forEach(sessions, (id) =>
      Effect.flatMap(provider.create(id, payload, ttl), (result) =>
        result._tag === "Written" ? Effect.succeed(result.revision) : Effect.dieMessage(result._tag)
      )
    )
  )
  const loop = (operation) => (concurrency, isOver) =>
    Effect.runPromise(
      Effect.forEach(
        sessions.slice(0, concurrency),
        (id, i) => {
          let count = 0
          return Effect.as(
            Effect.whileLoop({
              while: () => !isOver(),
              body: () => operation(id, i),
              step: () => {
                count++
              }
            }),
            () => count
          )
        },
        { concurrency: "unbounded" }
      )
    ).then((counts) => counts.map((count) => count()))
  return {
    read: loop((id) => provider.read(id)),
    write: loop((id, i) =>
      Effect.flatMap(provider.write(id, payload, ttl, revisions[i]), (result) => {
        if (result._tag !== "Written") return Effect.dieMessage(result._tag)
        revisions[i] = result.revision
        return Effect.void
      })
    )
  }
}
