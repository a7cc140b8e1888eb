/**
 * Limits the calls in flight, for a server that chokes on more.
 */

/** Runs calls in order of arrival, with at most `limit` of total size in flight; a larger call runs alone. */
export const makeWindow = (limit: number): (<A>(size: number, call: () => Promise<A>) => Promise<A>) => {
  const waiting: Array<{ readonly size: number; readonly go: () => void }> = []
  let underWay = 0

  const admit = () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (underWay > 0 && underWay + next.size > limit) {
        return
      }
      waiting.shift()
      underWay += next.size
      next.go()
    }
  }

  return async (size, call) => {
    await new Promise<void>((go) => {
      waiting.push({ size, go })
      admit()
    })
    try {
      return await call()
    } finally {
      underWay -= size
      admit()
    }
  }
}
