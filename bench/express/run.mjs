// What it costs to keep sessions as connect-redis does: beside this library's own layout on the same Redis, and beside
// express + express-session + connect-redis. See ../README.md.
import { createHash } from "node:crypto"
import { parseArgs } from "node:util"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Express from "../../dist/src/express.js"
import * as Redis from "../../dist/src/redis.js"
import { cart, token, user } from "../http/session.mjs"
import { connections, load, loadFile, signIn } from "../lib/load.mjs"
import { providerSide, throughput } from "../lib/loops.mjs"
import { pinning, pinThisProcess, startRedis, startServer } from "../lib/processes.mjs"
import { median, progress, report } from "../lib/report.mjs"
import { providerOf } from "../lib/sql.mjs"

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, seconds: { type: "string", default: "1" } }
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const redis = await startRedis()

const servers = {
  "express + express-session, connect-redis": ["express", "redis"],
  "Effect 3, own layout": ["effect", "redis, signed"],
  "Effect 3, connect-redis' layout": ["effect", "connect-redis"],
  "Effect 3, connect-redis' layout, ends with the browser": ["effect", "connect-redis, browser's"],
  "Effect 4, own layout": ["effect4", "redis, signed"],
  "Effect 4, connect-redis' layout": ["effect4", "connect-redis"],
  "Effect 4, connect-redis' layout, ends with the browser": ["effect4", "connect-redis, browser's"]
}
const own = (name) => name.replace(/connect-redis' layout.*/, "own layout")

const overHttp = async () => {
  const contestants = []
  for (const [name, [framework, store]] of Object.entries(servers)) {
    const server = await startServer(framework, store, redis.url)
    contestants.push({ name, server, file: loadFile(`${framework}-${store}`, await signIn(server.url)) })
  }
  for (const contestant of contestants) {
    progress(`warming up: ${contestant.name}`)
    for (const route of ["read", "write"]) await load(contestant, route, 1)
  }
  const cells = ["read", "write"].flatMap((route) =>
    contestants.map((contestant) => ({ contestant, route, rounds: [] }))
  )
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds} over HTTP`)
    for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
      cell.rounds.push(await load(cell.contestant, cell.route, seconds))
    }
  }
  for (const { server } of contestants) server.stop()
  const figures = cells.map(({ contestant: { name }, route, rounds }) => ({ name, route, rounds }))
  return figures.map((figure) => {
    const other = figures.find(({ name, route }) => name === own(figure.name) && route === figure.route)
    return {
      ...figure,
      rate: median(figure.rounds.map(({ rate }) => rate)),
      cpu: median(figure.rounds.map(({ cpuMicros }) => cpuMicros)),
      busy: median(figure.rounds.map(({ busy }) => busy)),
      ratio: median(figure.rounds.map(({ rate }, i) => rate / other.rounds[i].rate))
    }
  })
}

const cookie = { originalMaxAge: 1_800_000, expires: new Date(2e12).toISOString(), httpOnly: true, path: "/" }
const payload = Buffer.from(JSON.stringify({ cookie, user, cart, token, visits: 0 }))
const ttl = Duration.minutes(30)
const ids = Array.from({ length: 64 }, (_, i) => createHash("sha256").update(`${i}`).digest("base64url"))

const byProvider = async (providers) => {
  pinThisProcess()
  const sides = {}
  for (const [side, provider] of Object.entries(providers)) {
    sides[side] = await providerSide(provider, ids, payload, ttl)
  }
  const cells = ["read", "write"].flatMap((operation) =>
    [1, 64].map((atOnce) => ({ operation, atOnce, own: [], shared: [] }))
  )
  // Round 0 is not counted.
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round} of ${rounds} by provider`)
    for (const cell of cells) {
      for (const side of round % 2 === 0 ? ["own", "shared"] : ["shared", "own"]) {
        const result = await throughput(cell.atOnce, sides[side][cell.operation], redis.cpu, seconds)
        if (round > 0) cell[side].push(result)
      }
    }
  }
  return cells.map((cell) => {
    const over = (f) => ({ own: median(cell.own.map(f)), shared: median(cell.shared.map(f)) })
    return {
      operation: cell.operation,
      atOnce: cell.atOnce,
      rate: over(({ rate }) => rate),
      cpu: over(({ own }) => own),
      server: over(({ server }) => server),
      ratio: median(cell.shared.map(({ rate }, i) => rate / cell.own[i].rate)),
      cpuRatio: median(cell.shared.map(({ own }, i) => cell.own[i].own / own))
    }
  })
}

const http = await overHttp()
const provider = await Effect.runPromise(
  Effect.scoped(
    Effect.flatMap(
      Effect.all({
        own: providerOf(Redis.layer({ url: redis.url })),
        shared: providerOf(Express.redis({ url: redis.url }))
      }),
      (providers) => Effect.promise(() => byProvider(providers))
    )
  )
)
progress("")

const waited = http.filter(({ busy }) => busy < 0.9)
report({
  name: "express",
  title: "Sessions in connect-redis' layout",
  command: ["npm run bench -- express", ...process.argv.slice(2)].join(" "),
  versions: ["express", "express-session", "connect-redis", "redis", "ioredis"],
  about: [
    `Provider: operations a second on records of ${payload.length} bytes from one process, with \`Express.redis\` and in this library's own layout, on one Redis; processor time for an operation, of this process and of Redis, in µs.`,
    `HTTP: requests a second on ${connections} connections (wrk), and the server's processor time for a request; the routes and sessions of \`npm run bench -- http\`, all with a signed cookie. ${pinning("The server that is measured")}.`,
    `Medians of ${rounds} interleaved rounds of ${seconds} s; a ratio is the median of the rounds' ratios to this library's own layout; by processor time it holds on a machine that does other things too.`,
    ...(waited.length > 0
      ? [
          `Less than 90 % of the time busy, since something else was the bottleneck or other programs ran: ${waited.map(({ name, route }) => `${name} ${route}`).join("; ")}. Their processor times hold.`
        ]
      : [])
  ],
  tables: [
    {
      head: [
        "provider",
        "at once",
        "own /s",
        "connect-redis' /s",
        "ratio",
        "CPU ratio",
        "CPU, own",
        "CPU",
        "Redis, own",
        "Redis"
      ],
      rows: provider.map(({ atOnce, cpu, cpuRatio, operation, rate, ratio, server }) => [
        operation,
        atOnce,
        ...[rate.own, rate.shared].map((rate) => rate.toFixed(0)),
        ratio.toFixed(2),
        cpuRatio.toFixed(2),
        ...[cpu.own, cpu.shared, server.own, server.shared].map((micros) => micros.toFixed(1))
      ])
    },
    {
      head: ["HTTP", "route", "req/s", "ratio", "CPU"],
      rows: http.map(({ cpu, name, rate, ratio, route }) => [
        name,
        route,
        rate.toFixed(0),
        own(name) === name ? "" : ratio.toFixed(2),
        cpu.toFixed(1)
      ])
    }
  ],
  figures: { provider, http }
})
process.exit()
