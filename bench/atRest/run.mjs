// What sealing and compressing cost before a backend gets a session: bytes, and time to seal and to open, for sessions of three sizes,
// beside iron-session's seal of the same object; and the check of a device's proof. In turns, in one process. See ../README.md.
import { randomBytes, randomUUID } from "node:crypto"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { sealData, unsealData } from "iron-session"
import { makeAtRest } from "../../dist/src/Manager/atRest.js"
import { cookieOf, isProved } from "../../dist/src/Manager/bound/binding.js"
import { make } from "../../dist/src/Manager/SessionConfig.js"
import { json } from "../../dist/src/Store/Codec.js"
import { pinning, pinThisProcess } from "../lib/processes.mjs"
import { median, progress, report } from "../lib/report.mjs"

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, seconds: { type: "string", default: "0.1" } }
})
const rounds = Number(options.rounds)

/** A session of about so many bytes as JSON: a user, and what is in the cart. */
const sessionOf = (bytes) => {
  const values = { "App.userId": randomUUID() }
  const items = []
  for (let i = 0; JSON.stringify(values).length + JSON.stringify(items).length < bytes - 80; i++) {
    items.push({ sku: randomBytes(4).toString("hex"), title: `A book about the number ${i}`, quantity: 1 + (i % 3) })
  }
  return { createdAt: Date.now(), values: { ...values, ...(items.length > 0 ? { "App.cart": items } : {}) } }
}

const keys = [Redacted.make(randomBytes(32))]
const configured = {
  "atRest: { keys }": { atRest: { keys } },
  'atRest: "id"': { atRest: "id" },
  compress: { compress: { over: 1 } },
  "atRest: { keys }, compress": { atRest: { keys }, compress: { over: 1 } }
}
const ref = randomBytes(32).toString("base64url")
const id = randomBytes(32).toString("base64url")
const password = randomBytes(32).toString("base64url")

/** How long `once` takes, in microseconds. */
const timed = async (once) => {
  const began = performance.now()
  const end = began + options.seconds * 1000
  let count = 0
  for (; performance.now() < end; count++) {
    const pending = once()
    if (pending instanceof Promise) await pending
  }
  return ((performance.now() - began) / count) * 1000
}

const cells = []
for (const size of [100, 1000, 20_000]) {
  const data = sessionOf(size)
  const payload = json.encode(data)
  for (const [name, given] of Object.entries(configured)) {
    const { open, seal } = Effect.runSync(Effect.flatMap(make({ maxBytes: 64 * 1024, ...given }), makeAtRest))
    const sealed = seal("session", ref, id, payload)
    if (Buffer.compare(open("session", ref, id, sealed), payload) !== 0) throw new Error(`${name} does not open`)
    cells.push({
      size: payload.length,
      name,
      bytes: sealed.length,
      seal: () => seal("session", ref, id, payload),
      open: () => open("session", ref, id, sealed)
    })
  }
  const sealed = await sealData(data, { password })
  cells.push({
    size: payload.length,
    name: "iron-session",
    bytes: sealed.length,
    seal: () => sealData(data, { password }),
    open: () => unsealData(sealed, { password })
  })
}

const binding = { secret: randomBytes(32).toString("base64url"), key: "k", until: Date.now() + 1e9, used: [] }
const proof = [cookieOf({ every: 600_000 }, binding)]
if (!isProved(binding, proof, Date.now())) throw new Error("the proof is not one")

pinThisProcess()
const times = cells.map(() => ({ seal: [], open: [] }))
const proofs = []
for (let round = 0; round <= rounds; round++) {
  progress(`round ${round} of ${rounds}`)
  for (const [i, cell] of cells.entries()) {
    for (const step of ["seal", "open"]) {
      const micros = await timed(cell[step])
      // Round 0 warms up.
      if (round > 0) times[i][step].push(micros)
    }
  }
  const micros = await timed(() => isProved(binding, proof, Date.now()))
  if (round > 0) proofs.push(micros)
}
progress("")

const figures = cells.map(({ bytes, name, size }, i) => {
  const rival = times[cells.findIndex((cell) => cell.size === size && cell.name === "iron-session")]
  const whole = (time, round) => time.seal[round] + time.open[round]
  return {
    size,
    name,
    bytes,
    seal: median(times[i].seal),
    open: median(times[i].open),
    ofRival: median(times[i].seal.map((_, round) => whole(rival, round) / whole(times[i], round)))
  }
})

report({
  name: "atRest",
  title: "Sealing sessions at rest",
  command: "npm run bench -- atRest",
  versions: ["iron-session"],
  about: [
    `Sessions as JSON, sealed or compressed before a backend gets them, and opened again, in one process; ${pinning("it is")}.`,
    "The rival seals the object, by JSON, into text for a cookie. The last column: its time for both as a multiple of ours.",
    `The check that a request of a device-bound session brings its proof takes ${median(proofs).toFixed(1)} µs.`,
    `Medians of ${rounds} interleaved rounds of ${options.seconds} s.`
  ],
  tables: [
    {
      head: ["", "session, bytes", "stored, bytes", "seal, µs", "open, µs", "faster than iron-session"],
      rows: figures.map((f) => [
        f.name,
        f.size,
        f.bytes,
        f.seal.toFixed(1),
        f.open.toFixed(1),
        `${f.ofRival.toFixed(0)} x`
      ])
    }
  ],
  figures: { proof: median(proofs), sessions: figures }
})
process.exit()
