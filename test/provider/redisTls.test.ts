/**
 * `rediss://`: all connections are TLS, to sentinels and to the master that they name, and no password is sent without.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Redis from "effect-session/redis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { bytes, newId } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import { acquire, ask, freePorts, runToEnd, until } from "../servers/Process.js"
import * as Proxy from "../servers/Proxy.js"
import * as Servers from "../servers/Redis.js"
import { shared } from "./shared.js"

const ttl = Duration.minutes(5)

/** A certificate for a name, of its own authority, and the options that make a server use it on another port. */
const certificateFor = (name: string) =>
  acquire("certificate", async ({ folder }) => {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
    await runToEnd("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"],
      ...["-addext", `subjectAltName=${name}`, "-keyout", key, "-out", cert]
    ])
    const [port] = await freePorts(1)
    return {
      ca: readFileSync(cert),
      port: port!,
      config: [
        `tls-port ${port}`,
        `tls-cert-file ${cert}`,
        `tls-key-file ${key}`,
        `tls-ca-cert-file ${cert}`,
        "tls-auth-clients no"
      ]
    }
  })

const certificate = certificateFor("IP:127.0.0.1")

/** Servers that can be reached with TLS and without, behind proxies that see what is sent. */
const servers = Effect.gen(function* () {
  const [ofMaster, ofSentinel] = [yield* certificate, yield* certificate]
  const master = yield* Servers.single({
    password: "topsecret",
    args: ofMaster.config.flatMap((line) => `--${line}`.split(" "))
  })
  const plain = yield* Proxy.make(master.port)
  const tls = yield* Proxy.make(ofMaster.port)
  const sentinelOf = (port: number, config: ReadonlyArray<string> = []) => Servers.watcher("main", port, config)
  return { master, ofMaster, ofSentinel, plain, tls, sentinelOf }
})

suite("rediss://", ["redis-server", "openssl"], () => {
  const running = shared(servers)

  it.live("one server, with TLS", () =>
    Effect.gen(function* () {
      const { ofMaster, tls } = yield* running
      const provider = yield* Redis.make({
        url: `rediss://:topsecret@127.0.0.1:${tls.port}`,
        options: { tls: { ca: ofMaster.ca } }
      })
      expect((yield* provider.create(newId(), bytes("x"), ttl))._tag).toBe("Written")
    }).pipe(Effect.scoped)
  )

  it.live("one server whose certificate is not trusted", () =>
    Effect.gen(function* () {
      const { tls } = yield* running
      const error = yield* Effect.flip(Effect.scoped(Redis.make({ url: `rediss://:topsecret@127.0.0.1:${tls.port}` })))
      expect(error.message).toMatch(/^redis: connect failed \([A-Z_]+\): check that the server speaks TLS/)
    })
  )

  it.live("one server that speaks no TLS", () =>
    Effect.gen(function* () {
      const { url } = yield* Servers.single()
      const error = yield* Effect.flip(Effect.scoped(Redis.make({ url: url.replace("redis:", "rediss:") })))
      expect(error.message).toMatch(/^redis: connect failed \(.*\): .* that it speaks TLS, which rediss:\/\/ says$/)
    }).pipe(Effect.scoped)
  )

  it.live("sentinels, and the master that they name", () =>
    Effect.gen(function* () {
      const { ofMaster, ofSentinel, sentinelOf, tls } = yield* running
      yield* sentinelOf(tls.port, ofSentinel.config)
      const sentinels = yield* Proxy.make(ofSentinel.port)
      const provider = yield* Redis.makeSentinel({
        url: `rediss://:topsecret@127.0.0.1:${sentinels.port}`,
        masterName: "main",
        options: {
          tls: { ca: [ofMaster.ca, ofSentinel.ca] },
          updateSentinels: false
        }
      })
      expect((yield* provider.create(newId(), bytes("x"), ttl))._tag).toBe("Written")
      // A TLS handshake begins with this byte.
      const clients = sentinels.firstBytes()
      expect(clients.length).toBeGreaterThan(0)
      expect(clients.every((first) => first.startsWith("\x16"))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("sentinels without TLS, and a master with it", () =>
    Effect.gen(function* () {
      const { ofMaster, sentinelOf, tls } = yield* running
      const { port } = yield* sentinelOf(tls.port)
      const provider = yield* Redis.makeSentinel({
        url: `rediss://:topsecret@127.0.0.1:${port}`,
        sentinelTls: false,
        masterName: "main",
        options: { tls: { ca: ofMaster.ca } }
      })
      expect((yield* provider.create(newId(), bytes("x"), ttl))._tag).toBe("Written")
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["rediss://", {}],
    ["redis://", { tls: {} }]
  ] as const)("%s and a master without TLS: no password is sent, and it does not build", ([scheme, options]) =>
    Effect.gen(function* () {
      const { plain, sentinelOf } = yield* running
      const { port } = yield* sentinelOf(plain.port)
      const error = yield* Effect.flip(
        Effect.scoped(
          Redis.makeSentinel({
            url: `${scheme}:topsecret@127.0.0.1:${port}`,
            sentinelTls: false,
            masterName: "main",
            options
          })
        )
      )
      expect(error.reason).toBe("Unavailable")
      // The sentinel's own connections have no password.
      expect(plain.firstBytes().filter((first) => first.includes("topsecret"))).toEqual([])
      expect(plain.firstBytes().some((first) => first.startsWith("\x16"))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("a cluster whose certificates hold names", () =>
    Effect.gen(function* () {
      const { ca, config, port } = yield* certificateFor("DNS:localhost")
      const names = ["cluster-announce-hostname localhost", "cluster-preferred-endpoint-type hostname"]
      const node = yield* Servers.single({
        args: [...config, ...names, "cluster-enabled yes", "tls-cluster yes"].flatMap((line) => `--${line}`.split(" "))
      })
      yield* Effect.promise(() => ask(node.port, "CLUSTER ADDSLOTSRANGE 0 16383", /\+OK/))
      yield* Effect.promise(() => until(() => ask(node.port, "CLUSTER INFO", /cluster_state:ok/)))
      const provider = yield* Redis.makeCluster({
        url: `rediss://localhost:${port}`,
        options: { redisOptions: { tls: { ca } } }
      })
      expect((yield* provider.create(newId(), bytes("x"), ttl))._tag).toBe("Written")
    }).pipe(Effect.scoped)
  )
})
