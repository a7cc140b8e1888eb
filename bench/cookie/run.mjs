// Sealing a session of 500 bytes into a cookie's value and opening it again: effect-session with each of its ciphers, its rivals, and
// node:crypto's cipher alone, in turns in one process. See ../README.md.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { parseArgs } from "node:util"
import fastifySecureSession from "@fastify/secure-session"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import Fastify from "fastify"
import { sealData, unsealData } from "iron-session"
import * as Cookie from "../../dist/src/cookie.js"
import { keptByClient } from "../../dist/src/Manager/keptByClient.js"
import { makeSealer, payloadIn } from "../../dist/src/Provider/cookie/sealer.js"
import { ciphers } from "../../dist/src/Provider/internal/ciphers.js"
import { makeKeyRing } from "../../dist/src/Provider/internal/keyRing.js"
import { json } from "../../dist/src/Store/Codec.js"
import { pinning, pinThisProcess } from "../lib/processes.mjs"
import { median, progress, report } from "../lib/report.mjs"

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, seconds: { type: "string", default: "0.3" } }
})
const rounds = Number(options.rounds)

/** A user, some settings, a token: a dozen values, 500 bytes as JSON. */
const values = {
  userId: "7b0c3a52-8a6e-4a0e-9d51-52c2b1c0a9a4",
  visits: 41,
  csrf: "k".repeat(43),
  roles: ["admin", "editor"]
}
for (let i = 0; JSON.stringify({ t: Date.now(), d: values }).length < 480; i++) values[`setting${i}`] = "some value"
values.pad = "x".repeat(Math.max(0, 500 - JSON.stringify({ t: Date.now(), d: { ...values, pad: "" } }).length))
const data = { createdAt: Date.now(), values }
const payload = json.encode(data)

const bare = () => {
  const key = randomBytes(32)
  return () => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv("aes-256-gcm", key, nonce)
    const sealed = cipher.update(payload)
    cipher.final()
    const decipher = createDecipheriv("aes-256-gcm", key, nonce)
    decipher.setAuthTag(cipher.getAuthTag())
    const opened = decipher.update(sealed)
    decipher.final()
    return opened
  }
}

const key = () => Redacted.make(randomBytes(32).toString("base64url"))

/** What seals and opens within the provider. */
const sealer = (ciphers) => {
  const maxSeal = 14 * 1024
  const keys = Effect.runSync(makeKeyRing([key()], "cookie"))
  const { open, seal } = makeSealer(ciphers, keys, { compress: false, maxPayload: payloadIn(maxSeal), maxSeal })
  const content = { id: id.slice(4), createdAt: Date.now(), expiresAt: Date.now(), lifetime: 1, writes: 0, payload }
  return () => open("sid", seal("sid", content)).payload
}

const id = `sid=${randomBytes(32).toString("base64url")}`
const ttl = Duration.minutes(30)

/** What the manager calls, `begin` and `open`: all checks and expiry included. */
const keeper = async (cipher, encode, decode) => {
  const sealing = await Effect.runPromise(Cookie.make({ keys: [key()], cipher }))
  const lifetimes = { idleTimeout: ttl, absoluteTimeout: Duration.hours(12) }
  const { begin, open } = keptByClient(sealing, "sid", lifetimes, () => id.slice(4))
  return Effect.flatMap(
    Effect.suspend(() => begin(id.slice(4), encode(), ttl)),
    ({ token }) => Effect.map(open(token), ({ payload }) => decode(payload))
  )
}

const secureSession = async () => {
  const fastify = Fastify()
  await fastify.register(fastifySecureSession, { key: randomBytes(32) })
  await fastify.ready()
  const session = fastify.createSecureSession({})
  session.set("t", data.createdAt)
  session.set("d", data.values)
  return () => fastify.decodeSecureSession(fastify.encodeSecureSession(session)).get("d")
}

const ironSession = () => {
  const password = randomBytes(32).toString("base64url")
  return async () =>
    (await unsealData(await sealData({ t: data.createdAt, d: data.values }, { password }), { password })).d
}

/** Counts for some time how often `once` is done. */
const loop = {
  sync: (once) => async (isOver) => {
    let count = 0
    for (; !isOver(); count++) once()
    return count
  },
  async: (once) => async (isOver) => {
    let count = 0
    for (; !isOver(); count++) await once()
    return count
  },
  effect: (once) => (isOver) => {
    let count = 0
    const body = () => once
    const step = () => {
      count++
    }
    return Effect.runPromise(Effect.map(Effect.whileLoop({ while: () => !isOver(), body, step }), () => count))
  }
}

/** How far each goes: what is sealed, and what is done besides. */
const ours = async (name) => ({
  [`${name} seal`]: {
    name: `effect-session, its sealer, ${name}`,
    from: "bytes",
    run: loop.sync(sealer(await Effect.runPromise(ciphers[name])))
  },
  [`${name} bytes`]: {
    name: `effect-session, what the manager calls, ${name}`,
    from: "bytes",
    run: loop.effect(
      await keeper(
        name,
        () => payload,
        (bytes) => bytes
      )
    )
  },
  [`${name} json`]: {
    name: `effect-session, with its JSON, ${name}`,
    from: "an object",
    run: loop.effect(
      await keeper(
        name,
        () => json.encode(data),
        (bytes) => json.decode(bytes)
      )
    )
  }
})

const sides = {
  bare: { name: "AES-256-GCM of node:crypto alone", from: "bytes, to bytes", run: loop.sync(bare()) },
  ...(await ours("aes-256-gcm")),
  ...(await ours("xchacha20-poly1305")),
  secure: { name: "@fastify/secure-session", from: "an object", run: loop.sync(await secureSession()) },
  iron: { name: "iron-session", from: "an object", run: loop.async(ironSession()) }
}

pinThisProcess()
const rates = Object.fromEntries(Object.keys(sides).map((side) => [side, []]))
for (let round = 0; round <= rounds; round++) {
  for (const [side, { run }] of Object.entries(sides)) {
    progress(`round ${round} of ${rounds}, ${side}`)
    const began = performance.now()
    const end = began + options.seconds * 1000
    const count = await run(() => performance.now() >= end)
    // Round 0 warms up.
    if (round > 0) rates[side].push(count / ((performance.now() - began) / 1000))
  }
}
progress("")

const ratio = (a, b) => median(rates[a].map((rate, round) => rate / rates[b][round]))
const figures = Object.entries(sides).map(([side, { from, name }]) => ({
  side,
  name,
  from,
  rate: median(rates[side]),
  ofBare: ratio(side, "bare"),
  ofSecureSession: ratio(side, "secure"),
  ofIronSession: ratio(side, "iron")
}))

report({
  name: "cookie",
  title: "Sealing and opening a session",
  command: "npm run bench -- cookie",
  versions: ["@fastify/secure-session", "sodium-native", "iron-session"],
  about: [
    `Sessions of ${payload.length} bytes sealed into a cookie's value and opened again, times a second, in one process; ${pinning("it is")}.`,
    "The last columns: the rate as a multiple of a rival's. The provider adds Effect, expiry, the id's and the cookie's handling to the sealer.",
    "@fastify/secure-session and xchacha20-poly1305 are by libsodium (sodium-native), the others by node:crypto. Rivals seal objects only, by JSON.",
    `Medians of ${rounds} interleaved rounds of ${options.seconds} s; ratios are medians of the rounds' ratios.`
  ],
  tables: [
    {
      head: ["", "sealed from", "/s", "of the cipher alone", "of secure-session", "of iron-session"],
      rows: figures.map((f) => [
        f.name,
        f.from,
        f.rate.toFixed(0),
        `${f.ofBare.toFixed(2)} x`,
        `${f.ofSecureSession.toFixed(2)} x`,
        `${f.ofIronSession.toFixed(1)} x`
      ])
    }
  ],
  figures
})
process.exit()
