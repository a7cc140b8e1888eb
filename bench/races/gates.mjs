// Gates hold a request in the middle of its work until the client lets it go on. So a race is a fixed order of events, and not a
// matter of how fast the machine is.
const gates = new Map()

const deferred = () => {
  let resolve
  const promise = new Promise((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const gate = (name) => {
  if (!gates.has(name)) gates.set(name, { reached: deferred(), opened: deferred() })
  return gates.get(name)
}

/** In a handler that has looked at the session: waits for `open`. */
export const pass = (name) => {
  gate(name).reached.resolve()
  return gate(name).opened.promise
}

/** In the client: until a handler is at the gate. */
export const reached = (name) => gate(name).reached.promise

/** In the client: lets the handler go on. */
export const open = (name) => gate(name).opened.resolve()
