/**
 * memcached's answers as a network brings them: in pieces, and from a server that is none, is broken, or means harm.
 */
import type { Socket } from "node:net"
import type { SessionError, SessionProvider } from "effect-session"
import * as Memcached from "effect-session/memcached"
import * as FastCheck from "fast-check"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Result from "#effect/Result"
import { describe, expect, it } from "#test/vitest"
import { failureOf } from "../../src/Provider/memcached/errors.js"
import * as Protocol from "../../src/Provider/memcached/protocol.js"
import * as Scripted from "../servers/scripted.js"
import { soak } from "../support/soak.js"
import { bytes, day } from "./cas.js"

/** A command, what the server says to it, and what that means. */
interface Exchange {
  readonly command: Protocol.Command<unknown>
  readonly said: Buffer
  readonly meant: unknown
}

const latin1 = (text: string) => Buffer.from(text, "latin1")

const saying = (command: Protocol.Command<unknown>, words: ReadonlyArray<readonly [word: string, meant: unknown]>) =>
  FastCheck.constantFrom(...words).map(([word, meant]): Exchange => ({ command, said: latin1(`${word}\r\n`), meant }))

const key = FastCheck.string({
  unit: FastCheck.integer({ min: 33, max: 126 }).map((c) => String.fromCharCode(c))
}).filter((key) => key.length > 0)

/** Bytes of which many are those that the protocol is made of. */
const value = FastCheck.array(
  FastCheck.oneof(
    FastCheck.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    FastCheck.constantFrom("\r\n", "\r", "\n", "END\r\n", "VALUE ", "\r\nEND\r\n", "SERVER_ERROR").map(latin1)
  ),
  { maxLength: 8 }
).map((parts) => Buffer.concat(parts))

const number = (max: number) => FastCheck.nat({ max })

const hit = FastCheck.tuple(key, value, number(2 ** 31 - 1), FastCheck.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(
  ([key, value, flags, token]): Exchange => ({
    command: Protocol.gets(key),
    said: Buffer.concat([latin1(`VALUE ${key} ${flags} ${value.length} ${token}\r\n`), value, latin1("\r\nEND\r\n")]),
    meant: { value, token: `${token}` }
  })
)

const outOfMemory = "SERVER_ERROR out of memory storing object"

const exchange = FastCheck.oneof(
  { weight: 3, arbitrary: hit },
  saying(Protocol.gets("key"), [
    ["END", undefined],
    [outOfMemory, "the server is out of memory"]
  ]),
  saying(Protocol.add("key", latin1("value"), 1), [
    ["STORED", true],
    ["NOT_STORED", false],
    [outOfMemory, "the server is out of memory"]
  ]),
  saying(Protocol.cas("key", latin1("value"), 1, "1"), [
    ["STORED", "done"],
    ["EXISTS", "changed"],
    ["NOT_FOUND", "gone"]
  ]),
  saying(Protocol.touch("key", 1), [
    ["TOUCHED", true],
    ["NOT_FOUND", false]
  ]),
  saying(Protocol.remove("key"), [
    ["DELETED", true],
    ["NOT_FOUND", false]
  ]),
  saying(Protocol.version, [["VERSION 1.6.18", true]])
)

const exchanges = FastCheck.array(exchange, { minLength: 1, maxLength: 10 })

/** What is understood of bytes that arrive in segments that end at `cuts`. */
const understood = (commands: ReadonlyArray<Protocol.Command<unknown>>, said: Buffer, cuts: ReadonlyArray<number>) => {
  const left = [...commands]
  const answers: Array<unknown> = []
  const note = (answer: unknown) => {
    expect(left.shift()).toBeDefined()
    answers.push(answer)
  }
  const reader = new Protocol.Answers({ next: () => left[0], answer: note, refuse: ({ message }) => note(message) })
  const ends = [...new Set(cuts.map((cut) => cut % (said.length + 1))), said.length].sort((a, b) => a - b)
  let from = 0
  for (const end of ends) {
    const failure = reader.read(said.subarray(from, end))
    if (failure !== undefined) {
      return { answers, failure }
    }
    from = end
  }
  return { answers, failure: undefined }
}

const cuts = FastCheck.array(number(10_000), { maxLength: 40 })

describe("memcached, answers in segments", () => {
  it("mean the same wherever they are cut", () => {
    FastCheck.assert(
      FastCheck.property(exchanges, cuts, (exchanges, cuts) => {
        const commands = exchanges.map(({ command }) => command)
        const said = Buffer.concat(exchanges.map(({ said }) => said))
        const meant = exchanges.map(({ meant }) => meant)
        const everywhere = Array.from(said, (_, i) => i)
        for (const ends of [[], cuts, everywhere]) {
          expect(understood(commands, said, ends)).toEqual({ answers: meant, failure: undefined })
        }
      }),
      { numRuns: soak(300, 3_000) }
    )
  })

  it("that are damaged are never another's, and never more than were asked for", () => {
    const damage = FastCheck.record({ at: number(10_000), remove: number(30), insert: value })
    FastCheck.assert(
      FastCheck.property(exchanges, cuts, damage, (exchanges, cuts, { at, insert, remove }) => {
        const commands = exchanges.map(({ command }) => command)
        const said = Buffer.concat(exchanges.map(({ said }) => said))
        const place = at % (said.length + 1)
        const damaged = Buffer.concat([said.subarray(0, place), insert, said.subarray(place + remove)])
        const { answers, failure } = understood(commands, damaged, cuts)
        // Of the exchanges before the damage each is as it was.
        let end = 0
        const whole = exchanges.filter(({ said }) => {
          end += said.length
          return end <= place
        })
        expect(answers.slice(0, whole.length)).toEqual(whole.map(({ meant }) => meant))
        expect(understood(commands, damaged, [])).toEqual({ answers, failure })
      }),
      { numRuns: soak(300, 3_000) }
    )
  })

  it("that are not memcached's are refused at once, or are not whole yet", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 5000 }), exchanges, cuts, (noise, exchanges, cuts) => {
        const said = Buffer.from(noise)
        const { answers, failure } = understood(
          exchanges.map(({ command }) => command),
          said,
          cuts
        )
        expect(answers).toEqual([])
        expect(failure !== undefined).toBe(said.includes("\n") || said.length > 2048)
      })
    )
  })

  it("errors name their kind and nothing of the command", () => {
    expect(failureOf("ERROR Too many open connections")?.message).toBe("the server has too many connections")
    expect(failureOf("CLIENT_ERROR key")?.message).toBe("CLIENT_ERROR")
    expect(failureOf("ERRORS")).toBe(undefined)
  })
})

const id = "id" as SessionProvider.StoredId
const keyOfId = `session:${id}`

/** A memcached to `version`, and to all else what `answer` makes of it. */
const server = (answer: (text: string, socket: Socket) => void) =>
  Scripted.make((text, socket) => {
    if (text.startsWith("version")) {
      socket.write("VERSION 1.6.0\r\n")
    } else if (text.includes("~servers")) {
      // What a layer asks when it is built.
      socket.write(text.startsWith("gets") ? "END\r\n" : "STORED\r\n")
    } else {
      answer(text, socket)
    }
  })

const failing = <A>(effect: Effect.Effect<A, SessionError>) =>
  Effect.map(Effect.timed(Effect.flip(effect)), ([took, error]) => ({ error, took: Duration.toMillis(took) }))

describe("memcached, a server that is none", () => {
  it.live.each([
    ["an answer to another command", "STORED\r\n"],
    ["a word that there is not", "HELLO\r\n"],
    ["another key's value", "VALUE session:other 0 1 1\r\nx\r\nEND\r\n"],
    ["two values", `VALUE ${keyOfId} 0 1 1\r\nx\r\nVALUE ${keyOfId} 0 1 1\r\nx\r\nEND\r\n`],
    ["a value without its token", `VALUE ${keyOfId} 0 1\r\nx\r\nEND\r\n`],
    ["a value that is longer than announced", `VALUE ${keyOfId} 0 1 1\r\nxyz\r\nEND\r\n`],
    ["a value of a length below zero", `VALUE ${keyOfId} 0 -5 1\r\nx\r\nEND\r\n`],
    ["a value of a terabyte", `VALUE ${keyOfId} 0 1000000000000 1\r\nx`],
    ["a value of 99 MB", `VALUE ${keyOfId} 0 99000000 1\r\nx`],
    ["a token that is none", `VALUE ${keyOfId} 0 1 1\r2\r\nx\r\nEND\r\n`],
    ["a line without its carriage return", "END\n"],
    ["a line that does not end", "x".repeat(100_000)],
    ["HTTP", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"]
  ])("%s fails at once, and the connection with it", ([, said]) =>
    Effect.gen(function* () {
      const { received, url } = yield* server((_, socket) => socket.write(said))
      const provider = yield* Memcached.make({ url, timeout: "10 seconds" })
      for (let i = 0; i < 2; i++) {
        const { error, took } = yield* failing(provider.read(id))
        expect(error.reason).toBe("Unavailable")
        expect(error.message).toContain("not an answer of memcached's")
        expect(error.message).not.toContain(keyOfId)
        expect(took).toBeLessThan(2000)
      }
      yield* Effect.sleep("50 millis")
      expect(received.map(({ isOpen }) => isOpen)).toEqual([false, false])
    })
  )

  it.live("an answer that nobody waits for ends the connection, and no process", () =>
    Effect.gen(function* () {
      let isQuiet = false
      const { received, url } = yield* server((_, socket) => socket.write(isQuiet ? "END\r\n" : "END\r\nSTORED\r\n"))
      const provider = yield* Memcached.make({ url })
      yield* provider.read(id)
      yield* Effect.sleep("50 millis")
      expect(received.map(({ isOpen }) => isOpen)).toEqual([false])
      isQuiet = true
      yield* provider.read(id)
    })
  )

  const slow: Array<[what: string, say: (socket: Socket) => void]> = [
    ["nothing", () => {}],
    ["a byte now and then", (socket) => void setInterval(() => socket.destroyed || socket.write("x"), 20).unref()],
    ["half a value", (socket) => void socket.write(`VALUE ${keyOfId} 0 10 1\r\nhalf`)]
  ]
  it.live.each(slow)("%s is an error in time", ([, say]) =>
    Effect.gen(function* () {
      const { url } = yield* server((_, socket) => say(socket))
      const provider = yield* Memcached.make({ url, timeout: "300 millis" })
      const { error, took } = yield* failing(provider.read(id))
      expect(error).toMatchObject({ reason: "Unavailable", message: expect.stringContaining("no answer in time") })
      expect(took).toBeGreaterThan(250)
      expect(took).toBeLessThan(1500)
    })
  )
})

describe("memcached, a connection that ends", () => {
  it.live("while a write is under way: an error, and the write is not sent again", () =>
    Effect.gen(function* () {
      const { received, url } = yield* server((_, socket) => socket.destroy())
      const provider = yield* Memcached.make({ url })
      const { error } = yield* failing(provider.create(id, bytes("x"), day))
      expect(error.reason).toBe("Unavailable")
      yield* Effect.sleep("50 millis")
      expect(received.filter(({ text }) => text.includes("add "))).toHaveLength(1)
    })
  )

  it.live("between two commands, as with a server that is done with idle clients, is no error", () =>
    Effect.gen(function* () {
      const { received, url } = yield* server((_, socket) => socket.end("END\r\n"))
      const provider = yield* Memcached.make({ url })
      for (let i = 0; i < 3; i++) {
        yield* provider.read(id)
        yield* Effect.sleep("50 millis")
      }
      expect(received).toHaveLength(3)
    })
  )

  it.live("because one of many answers is wrong: all that wait fail at once, those answered before do not", () =>
    Effect.gen(function* () {
      const asked: Array<Socket> = []
      const { url } = yield* server((text, socket) => {
        asked.push(...Array.from(text.matchAll(/gets /g), () => socket))
        if (asked.length === 10) {
          socket.write(`${"END\r\n".repeat(4)}WRONG\r\nEND\r\n`)
        }
      })
      const provider = yield* Memcached.make({ url, timeout: "10 seconds" })
      const running = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 10 }, () => Effect.result(provider.read(id))),
          { concurrency: "unbounded" }
        )
      )
      const [took, results] = yield* Effect.timed(Fiber.join(running))
      expect(results.map(Result.isSuccess)).toEqual([...Array(4).fill(true), ...Array(6).fill(false)])
      expect(Duration.toMillis(took)).toBeLessThan(2000)
    })
  )
})
