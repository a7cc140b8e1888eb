// Starts SSDB for the tests: our stand-in, in its own process. It keeps its data when it is stopped, not when it is
// killed.
import { join } from "node:path"
import { acquire, ask, freePorts, host, type Server, typescript } from "./Process.js"

export const make = () =>
  acquire("ssdb", async (workspace): Promise<Server> => {
    const [port] = await freePorts(1)
    const control = await workspace.run({
      name: "ssdb",
      ...(await typescript("SsdbStandIn.ts", `${port}`, join(workspace.folder, "data"))),
      answers: () => ask(port!, "*1\r\n$4\r\nPING", /^\+PONG/)
    })
    return { ...control, host, port: port!, url: `${host}:${port}` }
  })
