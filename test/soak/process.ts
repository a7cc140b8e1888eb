/**
 * The app of the soak as a process.
 */
import { readdirSync, readFileSync } from "node:fs"
import { acquire, ask, freePorts, typescript } from "../servers/Process.js"

/** The app as a process, in a folder of its own. */
export const startApp = (backend: string, variables: Readonly<Record<string, string>>) =>
  acquire("soak-app", async (workspace) => {
    const [port] = await freePorts(1)
    const all = { SESSION_PROVIDER: backend, SESSION_COOKIE_SECURE: "false", SESSION_COOKIE_NAME: "id", ...variables }
    const control = await workspace.run({
      name: "app",
      ...(await typescript("../soak/app.ts", JSON.stringify({ port, variables: all }))),
      answers: () => ask(port!, "GET /read HTTP/1.0\r\n", /200 OK/)
    })
    return { ...control, port: port! }
  })

/** What the app has of the machine now: open files, and memory in MB. */
export const used = ([pid]: ReadonlyArray<number>) => ({
  files: readdirSync(`/proc/${pid}/fd`).length,
  megabytes: Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024)
})
