// Starts a real memcached for the tests. Like every memcached, it keeps no data over a restart.
import { acquire, ask, freePorts, host, type Server } from "./Process.js"

/** `args` holds extra options of memcached, such as `["-m", "2"]` for a cache of 2 MB. */
export const make = (options: { readonly args?: ReadonlyArray<string> | undefined } = {}) =>
  acquire("memcached", async (workspace): Promise<Server> => {
    const [port] = await freePorts(1)
    const asRoot = process.getuid?.() === 0 ? ["-u", "root"] : []
    const control = await workspace.run({
      name: "memcached",
      program: "memcached",
      args: ["-l", host, "-p", `${port}`, "-U", "0", ...asRoot, ...(options.args ?? [])],
      answers: () => ask(port!, "version", /^(VERSION|CLIENT_ERROR unauthenticated)/)
    })
    return { ...control, host, port: port!, url: `${host}:${port}` }
  })
