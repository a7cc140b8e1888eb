// Reads and compare-and-set writes of providers, each beside its bare driver in the same run. A backend is a file of this folder
// that exports what `redis.mjs` does. See ../README.md.
import { createHash } from "node:crypto"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { providerSide, throughput } from "../lib/loops.mjs"
import { pinning, pinThisProcess } from "../lib/processes.mjs"
import { median, progress, report } from "../lib/report.mjs"

const files = readdirSync(fileURLToPath(new URL(".", import.meta.url)))
const backends = files.map((file) => file.replace(".mjs", "")).filter((name) => name !== "run")

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "7" }, seconds: { type: "string", default: "1" } }
})
const chosen = positionals.length > 0 ? positionals : backends
const rounds = Number(options.rounds)
const payload = Buffer.from(JSON.stringify({ t: Date.now(), d: { "App.note": "x".repeat(500) } }))
const ttl = Duration.minutes(30)

// Of the form that the manager gives them.
const sessions = Array.from({ length: 64 }, (_, i) => createHash("sha256").update(`${i}`).digest("base64url"))
// As long as the keys that most providers make of them.
const keys = sessions.map((id) => `session-bare:${id}`)

const bareSide = ({ bare }) => {
  const loop = (operation) => (concurrency, isOver) =>
    Promise.all(
      keys.slice(0, concurrency).map(async (key) => {
        let count = 0
        while (!isOver()) {
          await operation(key)
          count++
        }
        return count
      })
    )
  return {
    read: loop(bare.read),
    write: loop((key) => bare.write(key, payload, Duration.toMillis(ttl)))
  }
}

const measure = async (name) => {
  const backend = await import(`./${name}.mjs`)
  const started = await backend.start()
  const figures = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(started.provider, (provider) => Effect.promise(() => compare(name, backend, started, provider)))
    )
  )
  await started.stop()
  return figures
}

const compare = async (name, backend, started, provider) => {
  const sides = { bare: bareSide(started), provider: await providerSide(provider, sessions, payload, ttl) }
  const cpu = started.cpu ?? (() => Number.NaN)
  const cells = ["read", "write"].flatMap((operation) =>
    [1, 64].map((concurrency) => ({ operation, concurrency, bare: [], provider: [] }))
  )
  // The writes of round 0 also give the bare reads something to read; it is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const cell of round === 0 ? cells.toReversed() : cells) {
      progress(`${name}: round ${round} of ${rounds}, ${cell.operation}, ${cell.concurrency} at once`)
      for (const side of round % 2 === 0 ? ["bare", "provider"] : ["provider", "bare"]) {
        const result = await throughput(cell.concurrency, sides[side][cell.operation], cpu, options.seconds)
        if (round > 0) cell[side].push(result)
      }
    }
  }
  return cells.map((cell) => ({
    backend: name,
    driver: backend.driver,
    command: backend.operations[cell.operation],
    operation: cell.operation,
    concurrency: cell.concurrency,
    bare: median(cell.bare.map(({ rate }) => rate)),
    provider: median(cell.provider.map(({ rate }) => rate)),
    ratio: median(cell.provider.map(({ rate }, round) => rate / cell.bare[round].rate)),
    bareServer: median(cell.bare.map(({ server }) => server)),
    providerServer: median(cell.provider.map(({ server }) => server))
  }))
}

const micros = (figure) => (Number.isNaN(figure) ? "" : figure.toFixed(1))

pinThisProcess()
const figures = []
for (const name of chosen) figures.push(...(await measure(name)))
progress("")

report({
  name: positionals.length === 1 ? `provider-${positionals[0]}` : "provider",
  title: "Providers and their bare drivers",
  command: ["npm run bench -- provider", ...positionals].join(" "),
  versions: [...new Set(figures.map(({ driver }) => driver))],
  about: [
    `Operations a second on payloads of ${payload.length} bytes, from one process; ${pinning("it is")}.`,
    "read: the provider's read. write: its compare-and-set write. Each beside what the bare driver does without revisions.",
    "Server: its processor time for one operation, in microseconds, where one process is the server.",
    `Medians of ${rounds} interleaved rounds of ${options.seconds} s; the ratio is the median of the rounds' ratios.`
  ],
  tables: [
    {
      head: [
        "",
        "operation",
        "bare command",
        "at once",
        "bare /s",
        "provider /s",
        "ratio",
        "server, bare",
        "server, provider"
      ],
      rows: figures.map((f) => [
        f.backend,
        f.operation,
        `${f.driver} ${f.command}`,
        f.concurrency,
        f.bare.toFixed(0),
        f.provider.toFixed(0),
        f.ratio.toFixed(2),
        micros(f.bareServer),
        micros(f.providerServer)
      ])
    }
  ],
  figures
})
process.exit()
