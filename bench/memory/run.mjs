// What a million sessions cost in this process's memory, and what collecting the expired ones costs. See ../README.md.
import { randomFillSync } from "node:crypto"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Memory from "../../dist/src/memory.js"
import { median, progress, report } from "../lib/report.mjs"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc")

const sessions = 1_000_000
const payloadBytes = 100
const lifetime = 30 * 60_000

/** What the heap and what is outside of it hold, once nothing is left over. */
const memory = () => {
  collectGarbage()
  collectGarbage()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const random = Buffer.alloc(1 << 20)
let used = random.length
/** Fresh random bytes; the caller copies them before the next call. */
const bytes = (length) => {
  if (used + length > random.length) {
    randomFillSync(random)
    used = 0
  }
  used += length
  return random.subarray(used - length, used)
}

/** As the manager makes them: a SHA-256 in base64url. */
const newId = () => bytes(32).toString("base64url")

// The provider lives by Effect's clock: half an hour passes without waiting for it.
let now = Date.now()
const clock = { ...Clock.make(), unsafeCurrentTimeMillis: () => now }
const runAt = (effect) => Effect.runSync(Effect.withClock(effect, clock))
const millis = (f) => {
  const before = process.hrtime.bigint()
  const result = f()
  return { result, ms: Number(process.hrtime.bigint() - before) / 1e6 }
}

/** What `fill` puts into the container that it makes, per session and above the payload. */
const bytesEach = (fill) => {
  const before = memory()
  const container = fill()
  const each = (memory() - before) / sessions - payloadBytes
  return { container, each }
}

progress("a bare Map, for comparison")
const bare = bytesEach(() => {
  const map = new Map()
  for (let i = 0; i < sessions; i++) {
    map.set(newId(), { payload: bytes(payloadBytes).toString("latin1"), expiresAt: now + i })
  }
  return map
}).each

progress("filling the memory provider")
// The visitors came one after the other over half an hour, and each session lives for half an hour.
const began = now
const { container: provider, each } = bytesEach(() => {
  const provider = Memory.make()
  const ttl = Duration.millis(lifetime)
  for (let i = 0; i < sessions; i++) {
    now = began + Math.floor((i * lifetime) / sessions)
    runAt(provider.create(newId(), bytes(payloadBytes), ttl))
  }
  return provider
})

const gc = () => millis(() => runAt(provider.gc))

/** Of many, which are removed some at a time. */
const gcOfMany = async () => {
  const before = process.hrtime.bigint()
  const result = await Effect.runPromise(Effect.withClock(provider.gc, clock))
  return { result, ms: Number(process.hrtime.bigint() - before) / 1e6 }
}

progress("collecting")
const idle = Array.from({ length: 1001 }, gc)
if (idle.some(({ result }) => result > 0)) throw new Error("something expired too early")
// 1 % of the visitors came in the first hundredth of the half hour.
now = began + lifetime + lifetime / 100 - 1
const hundredth = await gcOfMany()
now = began + 3 * lifetime
const rest = await gcOfMany()
if (hundredth.result + rest.result !== sessions) throw new Error("not every session was collected")
progress("")

const figures = {
  sessions,
  payloadBytes,
  bytesEach: each,
  bareMapBytesEach: bare,
  gcIdleMedianMs: median(idle.map(({ ms }) => ms)),
  gcIdleMaxMs: Math.max(...idle.map(({ ms }) => ms)),
  gcHundredthMs: hundredth.ms,
  gcHundredthCount: hundredth.result,
  gcRestMs: rest.ms,
  gcRestCount: rest.result
}

report({
  name: "memory",
  title: "A million sessions in memory",
  command: "npm run bench -- memory",
  about: [
    `${sessions.toLocaleString("en")} sessions of ${payloadBytes} bytes in the memory provider, begun evenly over half an hour, each living for half an hour.`,
    "Bytes are those of the heap and of buffers outside of it after a full garbage collection, id included, payload not."
  ],
  tables: [
    {
      head: ["", "figure"],
      rows: [
        ["bytes a session, above its payload", each.toFixed(0)],
        ["the same for a bare Map of objects with payload and expiry", bare.toFixed(0)],
        ["gc with nothing expired, median of 1001, ms", figures.gcIdleMedianMs.toFixed(4)],
        ["gc with nothing expired, longest of 1001, ms", figures.gcIdleMaxMs.toFixed(3)],
        [`gc with 1 % expired (${hundredth.result}), ms`, hundredth.ms.toFixed(1)],
        [`gc of all the others (${rest.result}), ms`, rest.ms.toFixed(0)]
      ]
    }
  ],
  figures
})
