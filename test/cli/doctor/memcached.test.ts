/**
 * `doctor` on real memcached servers: a healthy one, and prepared faults, each named.
 */
import { connect } from "node:net"
import * as Effect from "#effect/Effect"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { shared } from "../../provider/shared.js"
import * as Servers from "../../servers/Memcached.js"
import { suite } from "../../servers/need.js"
import { freePorts } from "../../servers/Process.js"
import { examine, expectHealthy, troubles } from "./examine.js"

/** Stores values until the server has removed some. */
const fill = (port: number, values: number, bytes: number) =>
  Effect.promise(
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(port, "127.0.0.1")
        const value = Buffer.alloc(bytes, "x")
        for (let n = 0; n < values; n++) socket.write(`set fill${n} 0 0 ${bytes} noreply\r\n${value}\r\n`)
        socket.write("version\r\n")
        socket.on("data", () => {
          socket.destroy()
          resolve()
        })
        socket.on("error", reject)
      })
  )

suite("doctor on memcached", ["memcached"], () => {
  const server = shared(Servers.make())
  const small = shared(Servers.make({ args: ["-m", "2", "-I", "512k"] }))
  const on = (url: string, more: Readonly<Record<string, string>> = {}) =>
    examine({ SESSION_PROVIDER: "memcached", SESSION_URL: url, ...more })

  it.live("a healthy server", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const findings = yield* on(url)
      expectHealthy(findings, 7)
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([
          "a session was made, read, renewed, changed, given another id and ended",
          expect.stringMatching(/: it is memcached \d/),
          expect.stringMatching(/: it has removed nothing, and uses 0 % of 64 MiB/)
        ])
      )
    })
  )

  it.live("values that were removed, and a limit below the largest session", () =>
    Effect.gen(function* () {
      const { port, url } = yield* small
      yield* fill(port, 400, 16_000)
      const found = troubles(yield* on(url, { SESSION_MAX_BYTES: "1000000" }))
      expect(found).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/: it has removed \d+ values since its start because its memory was full: .*-m/),
          expect.stringMatching(/: it takes values of 512 KiB at most \(-I\), and sessions may have 977 KiB/)
        ])
      )
    })
  )

  it.live("a server of the list that is away", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const [port] = yield* Effect.promise(() => freePorts(1))
      expect(troubles(yield* on(`${url},127.0.0.1:${port}`))).toContain(
        `wrong: 127.0.0.1:${port} does not answer: its sessions fail: start it; to take it out of the list ends its sessions`
      )
      expect(troubles(yield* on(`127.0.0.1:${port}`))).toEqual([
        expect.stringMatching(/^wrong: cannot connect, nothing listens at this host and port: memcached/)
      ])
    })
  )

  it.live("a clock that is off", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      expect(troubles(yield* at(() => Date.now() + 600_000)(on(url)))).toEqual([
        expect.stringMatching(/: the clock of the server is 10 minutes behind this machine's/)
      ])
    })
  )
})
