// The load that servers of `http/server.mjs` are put under: wrk, which sends the requests of many browsers.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { browserHeaders, browsers, cookieHeader } from "../http/session.mjs"
import { cores, loadThreads, run, temporaryFolder } from "./processes.mjs"

export const connections = 64

/** Each browser signs in, and keeps its cookie. */
export const signIn = async (url) => {
  const cookies = []
  for (let i = 0; i < browsers; i++) {
    const [cookie] = (await fetch(`${url}/login`)).headers.getSetCookie()
    cookies.push(cookie.split(";")[0])
  }
  return cookies
}

const folder = temporaryFolder()

/** Writes what the load generator is to send. */
export const loadFile = (name, cookies) => {
  const path = join(folder, name)
  const headers = Object.entries(browserHeaders).map(([key, value]) => `${key}: ${value}`)
  writeFileSync(path, [...headers, "", ...cookies.map(cookieHeader), ""].join("\n"))
  return path
}

const script = fileURLToPath(new URL("../http/load.lua", import.meta.url))

/** Loads a server's route for some seconds. */
export const load = async ({ file, server }, route, seconds) => {
  const before = await server.cpu()
  const settings = [
    `-t${Math.min(2, loadThreads)}`,
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    script
  ]
  const text = await run(cores.load, "wrk", [...settings, `${server.url}/${route}`, "--", file])
  const used = (await server.cpu()) - before
  const result = JSON.parse(/^RESULT (.*)$/m.exec(text)[1])
  if (result.errors > 0) throw new Error(`${result.errors} requests failed: ${server.url}/${route}`)
  return {
    rate: result.requests / result.seconds,
    micros: (result.seconds / result.requests) * 1e6,
    cpuMicros: (used / result.requests) * 1e6,
    busy: used / result.seconds
  }
}
