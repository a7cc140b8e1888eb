// SSDB for the tests: our stand-in, as a process of its own. It keeps its data when it is asked to end, not when it is killed.
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { acquire, ask, freePorts, host, type Server } from "./Process.js"

const program = fileURLToPath(new URL("SsdbStandIn.ts", import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href

export const make = () =>
  acquire("ssdb", async (workspace): Promise<Server> => {
    const [port] = await freePorts(1)
    const control = await workspace.run({
      name: "ssdb",
      program: process.execPath,
      args: ["--import", tsx, program, `${port}`, join(workspace.folder, "data")],
      answers: () => ask(port!, "*1\r\n$4\r\nPING", /^\+PONG/)
    })
    return { ...control, host, port: port!, url: `${host}:${port}` }
  })
