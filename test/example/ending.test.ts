/**
 * The demo gets a SIGTERM while requests are under way: what was acknowledged is stored, requests are answered, and the
 * process is gone in `timeout` and a second, whatever its clients and the backend do.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { Agent, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as Effect from "#effect/Effect"
import * as program from "#test/program"
import { expect, it } from "#test/vitest"
import { root } from "../../scripts/programs.mjs"
import { suite } from "../servers/need.js"
import { freePorts, host, until } from "../servers/Process.js"
import * as Servers from "../servers/Redis.js"

const timeout = 1_500
/** By then it is gone, in milliseconds: less than what Effect's servers wait for their clients, 20 seconds. */
const soon = timeout + 5_000

/** The demo as a process of its own. */
const start = (variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const [port] = yield* Effect.promise(() => freePorts(1))
    const demo = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--import", "tsx", join(root, "example/main.ts")], {
          cwd: root,
          env: { ...program.env, PORT: `${port}`, SESSION_TIMEOUT: `${timeout} millis`, ...variables },
          stdio: "ignore"
        })
      ),
      (demo) => Effect.sync(() => demo.kill("SIGKILL"))
    )
    const ended = new Promise<number | null>((resolve) => demo.once("exit", resolve))
    const url = `http://${host}:${port}`
    yield* Effect.promise(() => until(() => fetch(`${url}/me`)))
    /** Sends SIGTERM, and returns the exit code and how long it took. */
    const stop = async () => {
      const began = performance.now()
      demo.kill("SIGTERM")
      const code = await Promise.race([ended, sleep(20_000, "still running", { ref: false })])
      return { code, millis: performance.now() - began }
    }
    return { stop, url }
  })

const signIn = async (url: string) => {
  const { headers } = await fetch(`${url}/login`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ name: "Ada" })
  })
  return headers.getSetCookie()[0]!.split(";")[0]!
}

/**
 * A client that keeps its connection. Its requests give a status, or the reason why there is none, and say when they
 * have left.
 */
const keeping = (url: string, cookie: string) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return (method: "GET" | "POST", path: string, left = () => {}) =>
    new Promise<number | string>((resolve) => {
      const sent = request(url + path, { agent, method, headers: { cookie } }, (response) => {
        response.resume()
        response.once("end", () => resolve(response.statusCode!))
        response.once("error", (error) => resolve(String(error)))
      })
      sent.once("finish", left)
      sent.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      sent.setTimeout(10_000, () => sent.destroy(new Error("no answer")))
      sent.end()
    })
}

const visitsOf = async (url: string, cookie: string): Promise<number> =>
  (await (await fetch(`${url}/visits`, { headers: { cookie } })).json()).visits

it.live("clients that keep their connections and go on asking: each visit that was acknowledged is stored", () =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const variables = { SESSION_PROVIDER: "file", SESSION_URL: directory }
    const demo = yield* start(variables)
    const cookie = yield* Effect.promise(() => signIn(demo.url))
    const seen: Array<number | string> = []
    const asking = Array.from({ length: 8 }, async () => {
      const visit = keeping(demo.url, cookie)
      for (let status: number | string = 200; status === 200; seen.push(status)) {
        status = await visit("POST", "/visits")
      }
    })
    const streaming = keeping(demo.url, cookie)("GET", "/stream")
    yield* Effect.promise(() => until(async () => (seen.length > 50 ? true : Promise.reject(new Error("too few")))))
    const { code, millis } = yield* Effect.promise(demo.stop)
    expect(code).toBe(program.stopped)
    expect(millis).toBeLessThan(soon)
    yield* Effect.promise(() => Promise.all(asking))
    expect(yield* Effect.promise(() => streaming)).toBe(200)
    // No client waits for an answer that never comes.
    const refused = new Set(seen.filter((status) => status !== 200))
    expect([...refused].filter((status) => ![503, "ECONNREFUSED", "ECONNRESET"].includes(status))).toEqual([])
    const acknowledged = seen.filter((status) => status === 200).length
    const again = yield* start(variables)
    expect(yield* Effect.promise(() => visitsOf(again.url, cookie))).toBeGreaterThanOrEqual(acknowledged)
  })
)

it.live("in memory, with a stream whose headers have left: the client's next request is answered or refused", () =>
  Effect.gen(function* () {
    const demo = yield* start({})
    const ask = keeping(demo.url, yield* Effect.promise(() => signIn(demo.url)))
    const streaming = ask("GET", "/stream")
    yield* Effect.promise(() => sleep(60))
    const ending = demo.stop()
    expect(yield* Effect.promise(() => streaming)).toBe(200)
    expect([200, 503, "ECONNREFUSED", "ECONNRESET"]).toContain(yield* Effect.promise(() => ask("GET", "/visits")))
    const { code, millis } = yield* Effect.promise(() => ending)
    expect(code).toBe(program.stopped)
    expect(millis).toBeLessThan(soon)
  })
)

it.live("the stream of an open page ends first, so that the process does not wait for it", () =>
  Effect.gen(function* () {
    // Longer than the test waits for the process.
    const demo = yield* start({ SESSION_TIMEOUT: "1 minute" })
    const headers = { cookie: yield* Effect.promise(() => signIn(demo.url)) }
    const streams = yield* Effect.promise(() =>
      Promise.all([headers, {}].map((headers) => fetch(`${demo.url}/events`, { headers })))
    )
    const { code } = yield* Effect.promise(demo.stop)
    expect(code).toBe(program.stopped)
    for (const stream of streams) expect(yield* Effect.promise(() => stream.text())).toContain("hello")
  })
)

suite("Redis that does not answer", ["redis-server"], () => {
  it.live("requests are answered, and the process is gone", () =>
    Effect.gen(function* () {
      const redis = yield* Servers.single()
      const demo = yield* start({ SESSION_PROVIDER: "redis", SESSION_URL: redis.url })
      const cookie = yield* Effect.promise(() => signIn(demo.url))
      const clients = Array.from({ length: 4 }, () => keeping(demo.url, cookie))
      // Their connections are open, so that a request has left when its bytes are with the system.
      yield* Effect.promise(() => Promise.all(clients.map((ask) => ask("GET", "/visits"))))
      yield* redis.pause
      let left = 0
      const answers = clients.map((ask, i) => ask(i % 2 === 0 ? "GET" : "POST", "/visits", () => left++))
      yield* Effect.promise(() =>
        until(async () => (left === clients.length ? true : Promise.reject(new Error(`${left} have left`))))
      )
      // A later request, which needs no Redis, has its response: the server has read those before it.
      yield* Effect.promise(() => fetch(`${demo.url}/me`))
      const { millis } = yield* Effect.promise(demo.stop)
      expect(millis).toBeLessThan(soon)
      expect(yield* Effect.promise(() => Promise.all(answers))).toEqual([503, 503, 503, 503])
      yield* redis.resume
    })
  )
})
