/**
 * memcached's servers: how they are named and signed in to, what becomes of sessions when the list changes, and connections that are
 * lost.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SessionProvider } from "effect-session"
import * as Memcached from "effect-session/memcached"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { describe, expect, it } from "#test/vitest"
import { serverAt } from "../../src/Provider/memcached/servers.js"
import * as Store from "../../src/Provider/memcached/store.js"
import * as Servers from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import * as Scripted from "../servers/scripted.js"
import { collectLogs } from "../support/logs.js"
import { machineTimed } from "../support/machineTime.js"
import { bytes, day, textOf, written } from "./cas.js"

const ids = Array.from({ length: 40 }, (_, i) => `id${i}` as SessionProvider.StoredId)

const alive = (provider: SessionProvider.Provider) =>
  Effect.map(
    Effect.forEach(ids, (id) => provider.exists(id)),
    (found) => found.filter((there) => there).length
  )

suite("memcached, whose list of servers changes", ["memcached"], () => {
  it.live("no session lives again that ended while its server was not in the list", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* Servers.make(), yield* Servers.make()]
      const both = `${a.url},${b.url}`
      const during = <A, E>(url: string, use: (provider: SessionProvider.Provider) => Effect.Effect<A, E>) =>
        Effect.scoped(Effect.flatMap(Memcached.make({ url }), use))
      yield* during(both, (provider) =>
        Effect.forEach(ids, (id) =>
          Effect.andThen(provider.create(id, bytes("x"), day), provider.principals!.create(id, bytes("person"), day))
        )
      )
      // Another app's, and what a start with the same list does, is left alone.
      yield* Effect.scoped(
        Effect.flatMap(Memcached.make({ url: b.url, prefix: "other:" }), (provider) =>
          provider.create(ids[0]!, bytes("theirs"), day)
        )
      )
      expect(yield* during(`${b.url},${a.url}`, alive)).toBe(ids.length)
      const onA = yield* during(a.url, (provider) =>
        Effect.tap(alive(provider), () =>
          Effect.forEach(ids, (id) => Effect.andThen(provider.destroy(id), provider.principals!.destroy(id)))
        )
      )
      expect(onA).toBeGreaterThan(5)
      const { layer, logged } = collectLogs()
      expect(yield* Effect.provide(during(both, alive), layer)).toBe(0)
      expect(logged).toEqual([
        `memcached: ${b.url} was not in the list of servers for a while: ${ids.length - onA} sessions that it still held were removed, since they may have ended meanwhile`
      ])
      const people = yield* during(both, ({ principals }) => Effect.forEach(ids, (id) => principals!.read(id)))
      expect(people.filter(Option.isSome)).toEqual([])
      const theirs = yield* Effect.scoped(
        Effect.flatMap(Memcached.make({ url: b.url, prefix: "other:" }), (provider) => provider.read(ids[0]!))
      )
      expect(textOf(theirs)).toBe("theirs")
    })
  )

  it.live("sessions stay where a server is added, removed, or starts anew", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* Servers.make(), yield* Servers.make()]
      const at = (url: string) => Effect.scoped(Effect.flatMap(Memcached.make({ url }), alive))
      yield* Effect.scoped(
        Effect.flatMap(Memcached.make({ url: a.url }), (provider) =>
          Effect.forEach(ids, (id) => provider.create(id, bytes("x"), day))
        )
      )
      const left = yield* at(`${a.url},${b.url}`)
      expect(left).toBeGreaterThan(5)
      yield* b.stop
      yield* b.start
      expect(yield* at(`${a.url},${b.url}`)).toBe(left)
      expect(yield* at(a.url)).toBe(ids.length)
    })
  )

  it.live("a server that does not tell what it holds is refused, with what mends it", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* Servers.make(), yield* Servers.make({ args: ["-X"] })]
      for (const url of [`${a.url},${b.url}`, a.url]) {
        yield* Effect.scoped(Memcached.make({ url }))
      }
      const error = yield* Effect.flip(Effect.scoped(Memcached.make({ url: `${a.url},${b.url}` })))
      expect(error.message).toContain(`${b.url} was not in the list of servers for a while`)
      expect(error.message).toContain("flush_all")
    })
  )
})

suite("memcached, at any address", ["memcached"], () => {
  const works = (url: string) =>
    Effect.gen(function* () {
      const provider = yield* Memcached.make({ url })
      written(yield* provider.create(ids[0]!, bytes("here"), day))
      expect(textOf(yield* provider.read(ids[0]!))).toBe("here")
    })

  it.live("a socket", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "effect-session-memcached-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const { url } = yield* Servers.make()
      // memcached itself listens at a socket only, or at addresses only.
      const path = join(folder, "memcached.sock")
      yield* forwarding(url, { path })
      yield* works(path)
    })
  )

  it.live("an IPv6 address", () =>
    Effect.gen(function* () {
      const { url } = yield* Servers.make()
      const { port } = yield* forwarding(url, { host: "::1", port: 0 })
      yield* works(`[::1]:${port}`)
    })
  )

  it.live("with a login, whose refusal is said in words and without the password", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "effect-session-memcached-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const users = join(folder, "users")
      writeFileSync(users, "app:sec,ret\n")
      const { url } = yield* Servers.make({ args: ["-Y", users] })
      yield* works(`app:sec%2Cret@${url}`)
      for (const [login, message] of [
        ["", "asks for a user and password, or for others than these): write them before the address"],
        ["app:wrong@", "asks for a user and password, or for others than these): write them before the address"]
      ] as const) {
        const error = yield* Effect.flip(Effect.scoped(Memcached.make({ url: `${login}${url}` })))
        expect(error.message).toContain(message)
        expect(error.message).not.toContain("wrong")
      }
    })
  )
})

suite("memcached, which asks for no login", ["memcached"], () => {
  it.live("does not keep the one that it is sent", () =>
    Effect.gen(function* () {
      const { host, port, url } = yield* Servers.make()
      yield* Effect.scoped(Memcached.make({ url: `app:secret@${url}` }))
      const asked = yield* Effect.promise(
        () =>
          new Promise<string>((resolve, reject) => {
            const socket = connect(port, host, () => socket.write("lru_crawler metadump all\r\n"))
            let text = ""
            socket.on("error", reject)
            socket.on("data", (data) => {
              text += data
              if (text.endsWith("END\r\n")) {
                socket.destroy()
                resolve(text)
              }
            })
          })
      )
      // No more than the record of the list.
      expect(asked.match(/^key=\S+/gm)).toEqual(["key=session%3A~servers"])
    })
  )
})

describe("an address", () => {
  it.effect.each([
    ["cache:11211", { host: "cache", port: 11_211 }, undefined],
    ["[fe80::1%eth0]:1", { host: "fe80::1%eth0", port: 1 }, undefined],
    ["unix:/run/memcached.sock", { path: "/run/memcached.sock" }, undefined],
    ["u%3A:p%2C@127.0.0.1:2", { host: "127.0.0.1", port: 2 }, "u: p,"]
  ] as const)("%j", ([text, at, login]) =>
    Effect.sync(() => expect(serverAt(text)).toEqual({ address: expect.not.stringContaining("@"), at, login }))
  )

  it.effect.each(["::1:11211", "[::1]", "run/memcached.sock", "a:b@", "u:%zz@h:1", "h:1@"] as const)(
    "%j is none",
    (text) => Effect.sync(() => expect(serverAt(text)).toBeUndefined())
  )
})

/** Passes bytes on to a server, and loses connections as it is told. */
const forwarding = (url: string, at: { host: string; port: number } | { path: string }) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(
        () =>
          new Promise<ReturnType<typeof listening>>((resolve) => {
            const forwarder = listening(url)
            forwarder.server.listen(at, () => resolve(forwarder))
          })
      ),
      ({ drop, server }) =>
        Effect.sync(() => {
          drop()
          server.close()
        })
    ),
    ({ delay, drop, loseReplies, server }) => {
      const address = server.address()
      return { delay, drop, loseReplies, port: typeof address === "object" && address !== null ? address.port : 0 }
    }
  )

const listening = (url: string) => {
  const [host, port] = url.split(":") as [string, string]
  const clients = new Set<Socket>()
  let lost = 0
  let delays = false
  let deliver = () => {}
  const server = createServer((client) => {
    const there = connect(Number(port), host)
    clients.add(client)
    client.on("close", () => clients.delete(client))
    client.on("data", (data) => {
      if (!data.toString("latin1").startsWith("cas ")) {
        there.write(data)
      } else if (delays) {
        delays = false
        deliver = () => there.write(data)
        client.destroy()
      } else {
        deliver()
        setTimeout(() => there.write(data), 50)
      }
    })
    client.on("error", () => {})
    there.on("error", () => {})
    client.on("close", () => setTimeout(() => there.end(), 500))
    there.on("data", (data) => {
      if (lost > 0) {
        lost--
        client.destroy()
      } else {
        client.write(data)
      }
    })
  })
  return {
    server,
    drop: () => {
      for (const client of clients) client.destroy()
    },
    /** The server does what it is told, and its next replies do not arrive. */
    loseReplies: (count: number) => {
      lost = count
    },
    /** The next change is lost, and yet comes to the server in the end: just before the one that is sent in its place. */
    delay: () => {
      delays = true
    }
  }
}

suite("memcached, through connections that are lost", ["memcached"], () => {
  const lossy = Effect.gen(function* () {
    const { url } = yield* Servers.make()
    const { delay, drop, loseReplies, port } = yield* forwarding(url, { host: "127.0.0.1", port: 0 })
    return { delay, drop, loseReplies, url: `127.0.0.1:${port}` }
  })

  it.live("nothing fails after a connection was dropped while it was idle", () =>
    Effect.gen(function* () {
      const { drop, url } = yield* lossy
      const provider = yield* Memcached.make({ url })
      written(yield* provider.create(ids[0]!, bytes("1"), day))
      for (let i = 0; i < 20; i++) {
        drop()
        // With and without a moment in which the loss is noticed.
        yield* i % 2 === 0 ? Effect.void : Effect.sleep("5 millis")
        expect(textOf(yield* provider.read(ids[0]!))).toBe("1")
      }
    })
  )

  it.live("a change whose reply is lost is made once, and reported as made", () =>
    Effect.gen(function* () {
      const { loseReplies, url } = yield* lossy
      const provider = yield* Memcached.make({ url })
      loseReplies(1)
      let { revision } = written(yield* provider.create(ids[0]!, bytes("0"), day))
      for (let i = 1; i <= 10; i++) {
        yield* provider.read(ids[0]!)
        loseReplies(1)
        revision = written(yield* provider.write(ids[0]!, bytes(`${i}`), day, revision)).revision
        expect(Option.getOrThrow(yield* provider.read(ids[0]!)).revision).toBe(revision)
      }
      yield* provider.read(ids[0]!)
      loseReplies(1)
      expect((yield* provider.touch(ids[0]!, Duration.hours(1)))._tag).toBe("Touched")
      yield* provider.read(ids[0]!)
      loseReplies(1)
      written(
        yield* provider.regenerate({ oldId: ids[0]!, newId: ids[1]!, payload: bytes("moved"), ttl: day, revision })
      )
      expect(textOf(yield* provider.read(ids[1]!))).toBe("moved")
      loseReplies(1)
      yield* provider.destroy(ids[1]!)
      expect(textOf(yield* provider.read(ids[1]!))).toBeUndefined()
    })
  )

  it.live(
    "a change that comes to the server late, before it is made again, is no conflict: it would be made twice",
    () =>
      Effect.gen(function* () {
        const { delay, url } = yield* lossy
        const provider = yield* Memcached.make({ url })
        const { revision } = written(yield* provider.create(ids[0]!, bytes("0"), day))
        yield* provider.read(ids[0]!)
        delay()
        expect((yield* Effect.flip(provider.write(ids[0]!, bytes("1"), day, revision))).reason).toBe("Unavailable")
        expect(textOf(yield* provider.read(ids[0]!))).toBe("1")
      })
  )

  it.live("a repeated command takes no longer than one command may", () =>
    Effect.gen(function* () {
      let asked = 0
      const { url } = yield* Scripted.make((text, socket) => {
        if (text.startsWith("version")) socket.write("VERSION 1.6.0\r\n")
        else if (text.includes("~servers")) socket.write(text.startsWith("gets") ? "END\r\n" : "STORED\r\n")
        else if (asked++ === 0) socket.destroy()
      })
      const provider = yield* Memcached.make({ url, timeout: "1 second" })
      const [took, error] = yield* machineTimed(Effect.flip(provider.create(ids[0]!, bytes("x"), day)))
      expect(error.message).toContain("no answer in time")
      expect(asked).toBe(2)
      expect(took).toBeLessThan(1_500)
    })
  )

  it.live("one that is lost twice fails, as Unavailable", () =>
    Effect.gen(function* () {
      const { loseReplies, url } = yield* lossy
      const provider = yield* Memcached.make({ url })
      loseReplies(2)
      expect((yield* Effect.flip(provider.read(ids[0]!))).reason).toBe("Unavailable")
      expect(Option.isNone(yield* provider.read(ids[0]!))).toBe(true)
    })
  )
})

describe("exptime", () => {
  it.effect("of more than 30 days is a date, a day late where the value itself has its expiry", () =>
    Effect.sync(() => {
      const inSeconds = (exptime: number) => exptime - Math.floor(Date.now() / 1000)
      expect(Store.exptimeOf(Duration.days(1), 86_400)).toBe(86_402)
      expect(inSeconds(Store.exptimeOf(Duration.days(31)))).toBe(31 * 86_400 + 2)
      expect(inSeconds(Store.exptimeOf(Duration.days(31), 86_400))).toBe(32 * 86_400 + 2)
    })
  )
})
