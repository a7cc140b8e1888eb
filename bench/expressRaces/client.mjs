// Both apps, each in a process of its own, and a client that can hold a request in the middle of its work.
import { fileURLToPath } from "node:url"
import { start } from "../lib/processes.mjs"

const script = fileURLToPath(new URL("server.mjs", import.meta.url))
let gates = 0

/** Starts an app, and answers how to ask it. */
export const startApp = async (app, place, url) => {
  const child = start(undefined, process.execPath, [script, app, place, url], {
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "inherit", "inherit", "ipc"]
  })
  const reached = new Map()
  const port = await new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(`the app on ${app} ended`)))
    child.on("message", (message) => {
      if ("port" in message) resolve(message.port)
      else reached.get(message.reached)()
    })
  })

  /** Fails if the answer is not that of an app that is well. */
  const ask = async (path, cookie) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: cookie === undefined ? {} : { cookie } })
    const body = await response.text()
    if (response.status !== 200) throw new Error(`${app}, ${path}: ${response.status} ${body}`)
    return { body, cookie: response.headers.getSetCookie()[0]?.split(";")[0] }
  }

  /** Sends a request that waits at its gate, and answers how to let it go on when it is there. */
  const hold = async (path, cookie) => {
    const gate = `${++gates}`
    const there = new Promise((resolve) => {
      reached.set(gate, resolve)
    })
    const answer = ask(`${path}${path.includes("?") ? "&" : "?"}gate=${gate}`, cookie)
    await Promise.race([there, answer])
    return () => {
      child.send({ open: gate })
      return answer
    }
  }
  return { ask, hold, stop: () => child.removeAllListeners("exit").kill("SIGKILL") }
}
