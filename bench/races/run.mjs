// What concurrent requests of one visitor do to a session, over real HTTP. See ../README.md.
import { Agent, request } from "node:http"
import { progress, report } from "../lib/report.mjs"
import * as Effect from "./effect.mjs"
import * as Express from "./express.mjs"
import * as Fastify from "./fastify.mjs"
import { open, reached } from "./gates.mjs"

const libraries = {
  "express-session": Express.serve,
  "@fastify/session": Fastify.serve,
  "effect-session, memory": Effect.serve("memory"),
  "effect-session, file": Effect.serve("file"),
  "effect-session, slow store": Effect.serve("slow")
}

const agent = new Agent({ keepAlive: true })

/** Answers when the headers are there, as a browser does that follows a redirect. */
const send = (port, path, cookie) =>
  new Promise((resolve, reject) => {
    const headers = cookie === undefined ? {} : { cookie }
    request({ agent, host: "127.0.0.1", port, path, headers }, (response) => {
      const chunks = []
      const body = new Promise((done, failed) => {
        response.on("data", (chunk) => chunks.push(chunk))
        response.on("end", () => done(Buffer.concat(chunks).toString()))
        response.on("error", failed)
      })
      const { location, "set-cookie": set } = response.headers
      resolve({ status: response.statusCode, location, body, cookie: set?.[0].split(";")[0] })
    })
      .on("error", reject)
      .end()
  })

const whole = async (port, path, cookie) => {
  const answer = await send(port, path, cookie)
  const body = await answer.body
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
  return { ...answer, body }
}

const start = async (port) => (await whole(port, "/start")).cookie
const keys = async (port, cookie) => JSON.parse((await whole(port, "/keys", cookie)).body)

let gates = 0
/** Sends a request that stays at its gate, and waits until it is there. */
const held = async (port, path, cookie) => {
  const gate = `${++gates}`
  const answer = whole(port, `${path}${path.includes("?") ? "&" : "?"}gate=${gate}`, cookie)
  await Promise.race([reached(gate), answer])
  return () => {
    open(gate)
    return answer
  }
}

/** A logout while another request of the session is at work: is the visitor signed in again afterwards? */
const logoutDuring = (path) => async (port) => {
  const cookie = await start(port)
  const finish = await held(port, path, cookie)
  await whole(port, "/logout", cookie)
  await finish()
  return (await keys(port, cookie)).length > 0
}

const even = { read: 5, write: 5 }
const races = {
  lost: {
    trials: 100,
    latency: even,
    run: async (port, trial) => {
      const cookie = await start(port)
      const a = await held(port, "/write?key=a", cookie)
      const b = await held(port, "/write?key=b", cookie)
      // Half of the trials save at the same moment; in the others one saves when the other one has.
      if (trial % 2 === 0) {
        await Promise.all([a(), b()])
      } else {
        await a()
        await b()
      }
      const found = await keys(port, cookie)
      return !(found.includes("a") && found.includes("b"))
    }
  },
  "undone by a late write": { trials: 40, latency: even, run: logoutDuring("/write?key=late") },
  "undone by a late read": { trials: 40, latency: even, run: logoutDuring("/read") },
  "redirect before save": {
    trials: 30,
    latency: { read: 5, write: 40 },
    run: async (port) => {
      const { body, cookie, location } = await send(port, "/redirect")
      const { body: found } = await whole(port, location, cookie)
      await body
      return !JSON.parse(found).includes("started")
    }
  }
}

const figures = []
for (const [library, serve] of Object.entries(libraries)) {
  const counts = {}
  for (const [race, { latency, run, trials }] of Object.entries(races)) {
    progress(`${library}: ${race}`)
    const server = await serve(latency)
    let bad = 0
    for (let trial = 0; trial < trials; trial++) {
      if (await run(server.port, trial)) bad++
    }
    counts[race] = { bad, trials }
    await server.close()
  }
  figures.push({ library, races: counts })
}
progress("")
agent.destroy()

report({
  name: "races",
  title: "Concurrent requests on one session",
  command: "npm run bench -- races",
  versions: ["express", "express-session", "fastify", "@fastify/session"],
  about: [
    "lost: two requests at once set different keys; one of them is missing afterwards.",
    "undone by a late write (or read): the visitor signs out while another request is at work, which then writes (or only reads); the session is there again.",
    "redirect before save: a visitor follows a redirect as soon as its headers arrive; the next request finds no session.",
    "The rivals and the slow store wait 5 ms for each call, and 40 ms for each write in the last column. @fastify/session has its defaults, express-session what its documentation recommends."
  ],
  tables: [
    {
      head: ["", ...Object.keys(races)],
      rows: figures.map(({ library, races }) => [
        library,
        ...Object.values(races).map(({ bad, trials }) => `${bad}/${trials}`)
      ])
    }
  ],
  figures
})
process.exitCode = figures.some(
  ({ library, races }) => library.startsWith("effect-session") && Object.values(races).some(({ bad }) => bad > 0)
)
  ? 1
  : 0
