// One of the apps in a process of its own: `node server.mjs <express, or effect> <place> <url>`. Tells its parent the port, and which
// request waits at its gate; its parent opens the gate.
const [app, place, url] = process.argv.slice(2)
const { serve } = await import(`./${app}.mjs`)

const waiting = new Map()

/** A request without a gate does not wait. */
const pass = (gate) =>
  gate
    ? new Promise((resolve) => {
        waiting.set(gate, resolve)
        process.send({ reached: gate })
      })
    : Promise.resolve()

process.on("message", ({ open }) => waiting.get(open)())
process.on("disconnect", () => process.exit())
process.send({ port: await serve(place, url, pass) })
