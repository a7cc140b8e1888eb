// Throughput of the same three routes with and without sessions, on each framework. See ../README.md.
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { connections, load, loadFile, signIn } from "../lib/load.mjs"
import { pinning, startRedis, startServer } from "../lib/processes.mjs"
import { median, progress, report } from "../lib/report.mjs"
import { browsers } from "./session.mjs"

const { version: versionOfEffect4 } = JSON.parse(
  readFileSync(new URL("../../effect4/node_modules/effect/package.json", import.meta.url), "utf8")
)

const frameworks = {
  byhand: "node:http, by hand",
  express: "express + express-session",
  fastify: "fastify + @fastify/session",
  effect: "Effect 3 + effect-session",
  "effect-untraced": "Effect 3 + effect-session, tracer off",
  effect4: "Effect 4 + effect-session"
}
const routes = ["untouched", "read", "write"]
const backends = { memory: () => ({ url: "", stop: () => {} }), redis: startRedis }

const { values: options } = parseArgs({
  options: {
    store: { type: "string", default: "memory" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    only: { type: "string", default: Object.keys(frameworks).join(",") }
  }
})
const rounds = Number(options.rounds)
const chosen = options.only.split(",")
const unknown = [
  ...chosen.filter((name) => !(name in frameworks)),
  ...[options.store].filter((name) => !(name in backends))
]
if (unknown.length > 0) {
  const known = `frameworks: ${Object.keys(frameworks).join(", ")}; stores: ${Object.keys(backends).join(", ")}`
  throw new Error(`unknown: ${unknown.join(", ")}. Known ${known}`)
}

const backend = await backends[options.store]()
const contestants = []
for (const framework of chosen) {
  const without = await startServer(framework, "none")
  const with_ = await startServer(framework, options.store, backend.url)
  const cookies = await signIn(with_.url)
  const file = loadFile(framework, cookies)
  contestants.push({ framework, cookies, without: { server: without, file }, with: { server: with_, file } })
}

for (const contestant of contestants) {
  for (const route of routes) {
    progress(`warming up: ${contestant.framework} ${route}`)
    await load(contestant.without, route, 1)
    await load(contestant.with, route, 1)
  }
}

const cells = contestants.flatMap((contestant) => routes.map((route) => ({ contestant, route, rounds: [] })))
for (let round = 0; round < rounds; round++) {
  for (const { contestant, route, rounds: results } of cells) {
    progress(`round ${round + 1} of ${rounds}: ${contestant.framework} ${route}`)
    // Side by side, in an order that changes, so that a slow minute of the machine hits both.
    const result = {}
    for (const side of round % 2 === 0 ? ["without", "with"] : ["with", "without"]) {
      result[side] = await load(contestant[side], route, options.seconds)
    }
    results.push(result)
  }
}
progress("")

// A server that forgot its sessions would be fast.
for (const {
  cookies,
  framework,
  with: { server }
} of contestants) {
  const { visits } = await (await fetch(`${server.url}/read`, { headers: { cookie: cookies[0] } })).json()
  if (!(visits > 0)) throw new Error(`${framework} did not keep what was written`)
}

const figures = cells.map(({ contestant: { framework }, route, rounds: results }) => {
  const over = (f) => median(results.map(f))
  return {
    framework,
    route,
    without: over((r) => r.without.rate),
    with: over((r) => r.with.rate),
    ratio: over((r) => r.with.rate / r.without.rate),
    cost: over((r) => r.with.micros - r.without.micros),
    cpuRatio: over((r) => r.without.cpuMicros / r.with.cpuMicros),
    cpuCost: over((r) => r.with.cpuMicros - r.without.cpuMicros),
    cpu: over((r) => r.with.cpuMicros),
    busy: over((r) => Math.min(r.with.busy, r.without.busy)),
    rounds: results
  }
})
/** How a framework with its sessions compares with another in the same rounds, or nothing if that one did not run. */
const beside = (figure, framework) => {
  const other = figures.find((it) => it.framework === framework && it.route === figure.route)
  return other === undefined
    ? "-"
    : median(figure.rounds.map((r, i) => r.with.rate / other.rounds[i].with.rate)).toFixed(2)
}
const idle = figures.filter(({ busy }) => busy < 0.9)

const round = (n) => Math.round(n).toString()
const store = options.store
report({
  name: `http-${store}-node${process.versions.node.split(".")[0]}`,
  title: `HTTP, sessions in ${store}`,
  command: ["npm run bench -- http", ...process.argv.slice(2)].join(" "),
  versions: ["express", "express-session", "fastify", "@fastify/session", "@fastify/cookie"].concat(
    store === "redis" ? ["connect-redis", "redis", "ioredis"] : []
  ),
  about: [
    `${connections} connections (wrk), ${browsers} browsers with a session of about half a kilobyte each, a browser's headers and cookies; ${pinning("the server that is measured")}.`,
    `Medians of ${rounds} interleaved rounds of ${options.seconds} s. The ratio and the cost compare the two servers of a framework within each round.`,
    `Effect 4 is effect ${versionOfEffect4}.`,
    "ratio: requests a second with sessions, relative to without. cost: how much longer a request takes with sessions, in µs.",
    "The last two columns are the same by the server's processor time per request: they hold on a machine that does other things too.",
    ...(idle.length > 0
      ? [
          `Not to be trusted: ${idle.map(({ framework, route }) => `${framework} ${route}`).join(", ")}: something else than the server was the bottleneck (its process was busy less than 90 % of the time).`
        ]
      : [])
  ],
  tables: [
    {
      head: ["", "route", "req/s without", "req/s with", "ratio", "cost µs", "CPU ratio", "CPU cost µs"],
      rows: figures.map((f) => [
        frameworks[f.framework],
        f.route,
        round(f.without),
        round(f.with),
        f.ratio.toFixed(2),
        f.cost.toFixed(1),
        f.cpuRatio.toFixed(2),
        f.cpuCost.toFixed(1)
      ])
    },
    {
      head: ["with sessions", "route", "times fastify's req/s", "times by hand's", "CPU µs a request"],
      rows: figures.map((f) => [
        frameworks[f.framework],
        f.route,
        beside(f, "fastify"),
        beside(f, "byhand"),
        f.cpu.toFixed(1)
      ])
    }
  ],
  figures
})
process.exit()
