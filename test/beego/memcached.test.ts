// beego's memcache layout on real servers: conformance, and the values as beego has them.
import { createConnection } from "node:net"
import { SessionProvider } from "effect-session"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import * as BeegoMemcached from "../../src/beego/layouts/memcached.js"
import { conforms } from "../provider/conforms.js"
import { shared } from "../provider/shared.js"
import * as Servers from "../servers/Memcached.js"
import { suiteBeside } from "../servers/need.js"

const differs = {
  consistency: "compareContent",
  regenerate: "ordered",
  maxPayload: 1024 * 1024 - 512,
  expirySlack: 4_200,
  evicts: true
} as const

/** What a server answers to commands, as text. */
const talk = (url: string, commands: string): Effect.Effect<string> =>
  Effect.promise(
    () =>
      new Promise((resolve, reject) => {
        const [host, port] = url.split(":")
        const socket = createConnection(Number(port), host, () => socket.write(`${commands}quit\r\n`, "latin1"))
        let text = ""
        socket.setEncoding("latin1").on("data", (chunk) => {
          text += chunk
        })
        socket.on("end", () => resolve(text)).on("error", reject)
      })
  )

suiteBeside("beego's memcache", ["memcached"], () => {
  const server = shared(Servers.make())
  conforms(
    Effect.map(server, ({ url }) => BeegoMemcached.layer({ url })),
    differs,
    false,
    false
  )

  it.live("a session is under its id, with flags 0 and beego's very bytes; what beego stores is read", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const provider = yield* Effect.provide(
        SessionProvider.SessionProvider,
        yield* Effect.map(Layer.build(BeegoMemcached.layer({ url })), Layer.succeedContext)
      )
      const mine = "a".repeat(32) as SessionProvider.StoredId
      const bytes = Buffer.from("0eff81040102ff820001100110000004ff820000", "hex")
      yield* provider.create(mine, bytes, Duration.hours(1))
      expect(yield* talk(url, `get ${mine}\r\n`)).toContain(
        `VALUE ${mine} 0 ${bytes.length}\r\n${bytes.toString("latin1")}\r\n`
      )
      const beegos = "b".repeat(32) as SessionProvider.StoredId
      yield* talk(url, `set ${beegos} 0 3600 5\r\nC("{\xff\r\n`)
      const read = Option.getOrThrow(yield* provider.read(beegos))
      expect(Buffer.from(read.payload).toString("latin1")).toBe('C("{\xff')
      yield* talk(url, `set ${beegos} 0 3600 5\r\nother\r\n`)
      expect((yield* provider.write(beegos, bytes, Duration.hours(1), read.revision))._tag).toBe("Conflict")
      expect(yield* talk(url, `get ${beegos}\r\n`)).toContain("other")
    }).pipe(Effect.scoped)
  )
})

suiteBeside("beego's memcache, three servers", ["memcached"], () => {
  const servers = shared(Effect.all([Servers.make(), Servers.make(), Servers.make()]))
  const urls = Effect.map(servers, (all) => all.map(({ url }) => url).join(";"))
  conforms(
    Effect.map(urls, (url) => BeegoMemcached.layer({ url })),
    differs,
    false,
    false
  )

  it("chooses servers by CRC-32 as gomemcache does", () => {
    // The check value of CRC-32 (IEEE 802.3).
    expect(BeegoMemcached.placeOf("123456789", 2 ** 32)).toBe(0xcbf43926)
  })
})
