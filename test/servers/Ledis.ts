// Starts a real LedisDB server for the tests.
import { join } from "node:path"
import { acquire, ask, freePorts, host, type Server } from "./Process.js"

/** `args` holds extra flags of ledis-server. It must not be given a `-config` file: it would crash. */
export const make = (options: { readonly args?: ReadonlyArray<string> | undefined } = {}) =>
  acquire("ledis", async (workspace): Promise<Server> => {
    const [port] = await freePorts(1)
    const control = await workspace.run({
      name: "ledis",
      program: "ledis-server",
      args: [
        ...["-addr", `${host}:${port}`, "-data_dir", join(workspace.folder, "data"), "-db_name", "goleveldb"],
        ...(options.args ?? [])
      ],
      answers: () => ask(port!, "*1\r\n$4\r\nPING", /^\+PONG/)
    })
    return { ...control, host, port: port!, url: `${host}:${port}` }
  })
