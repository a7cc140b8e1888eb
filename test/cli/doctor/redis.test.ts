/**
 * `doctor` on real Redis servers: a healthy one, and prepared faults, each named.
 */
import { readFileSync } from "node:fs"
import { Redis as Client } from "ioredis"
import * as Effect from "#effect/Effect"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { shared } from "../../provider/shared.js"
import { suite } from "../../servers/need.js"
import { freePorts } from "../../servers/Process.js"
import * as Servers from "../../servers/Redis.js"
import { run } from "../run.js"
import { examine, expectHealthy, troubles } from "./examine.js"

type Commands = ReadonlyArray<readonly [command: string, ...args: Array<string | number>]>

const administer = (url: string, ...commands: Commands) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Client(url)),
    (client) =>
      Effect.promise(async () => {
        for (const [command, ...args] of commands) await client.call(command, args)
      }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** Runs an effect on a server that was changed by commands, which others then take back. */
const changed = <A>(url: string, change: Commands, effect: Effect.Effect<A>, back: Commands) =>
  Effect.acquireUseRelease(
    administer(url, ...change),
    () => effect,
    () => administer(url, ...back)
  )

const config = (settings: Readonly<Record<string, string>>): Commands =>
  Object.entries(settings).map(([name, value]) => ["CONFIG", "SET", name, value] as const)

/** What docs/cli.md shows of the command. */
const shownLines =
  /^\$ npx effect-session doctor\n(.*?)\n\.\.\.\n/ms
    .exec(readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8"))?.[1]
    ?.split("\n") ?? []

const session = (n: number) => `session:${String(n).padStart(43, "A")}`

suite("doctor on Redis", ["redis-server"], () => {
  const password = "s3cret-pass"
  const server = shared(Servers.single({ password }))
  const on = (url: string, more: Readonly<Record<string, string>> = {}) =>
    examine({ SESSION_PROVIDER: "redis", SESSION_URL: url, ...more })
  const there = Effect.flatMap(server, ({ url }) => on(url))
  /** The troubles while the server is changed. */
  const after = (change: Commands, back: Commands) =>
    Effect.flatMap(server, ({ url }) => changed(url, change, Effect.map(on(url), troubles), back))

  it.live("a healthy server: nothing is wrong, and nothing is left behind", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const findings = yield* changed(
        url,
        [["SET", session(1), "x", "EX", 60]],
        Effect.tap(there, () =>
          Effect.acquireUseRelease(
            Effect.sync(() => new Client(url)),
            (client) =>
              Effect.map(
                Effect.promise(() => client.keys("*")),
                (keys) =>
                  // The trial's mark lasts for a minute, as that of any session.
                  expect(keys.filter((key) => !key.startsWith("mark:"))).toEqual([session(1)])
              ),
            (client) => Effect.sync(() => client.disconnect())
          )
        ),
        [["FLUSHALL"]]
      )
      expectHealthy(findings, 9)
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([
          "a session was made, read, renewed, changed, given another id and ended",
          expect.stringMatching(/^the server is Redis \d+\.\d+\.\d+$/),
          "all of a sample of 1 sessions have a lifetime"
        ])
      )
    })
  )

  it.live("a port where nothing listens", () =>
    Effect.gen(function* () {
      const [port] = yield* Effect.promise(() => freePorts(1))
      expect(troubles(yield* on(`redis://:${password}@127.0.0.1:${port}`))).toEqual([
        "wrong: cannot connect, nothing listens at this host and port: redis: connect failed (ECONNREFUSED): start the server, or correct host and port in SESSION_URL"
      ])
    })
  )

  it.live("a server that is silent", () =>
    Effect.gen(function* () {
      const { pause, resume, url } = yield* server
      const findings = yield* Effect.acquireUseRelease(
        pause,
        () => on(url),
        () => resume
      )
      expect(troubles(findings)).toEqual([
        expect.stringMatching(/^wrong: cannot connect, no answer in time: redis: connect failed .*a firewall/)
      ])
    })
  )

  it.live("a wrong password, and TLS that the server does not have", () =>
    Effect.gen(function* () {
      const { port } = yield* server
      expect(troubles(yield* on(`redis://:another-one@127.0.0.1:${port}`))).toEqual([
        "wrong: cannot connect, the user or the password is refused: redis: connect failed (WRONGPASS): check the user and the password"
      ])
      expect(troubles(yield* on(`rediss://:${password}@127.0.0.1:${port}`))).toEqual([
        expect.stringMatching(/^wrong: cannot connect, .*: check that .*speaks TLS/)
      ])
    })
  )

  it.live("a database that the server does not have", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      expect(troubles(yield* on(`${url}/99`))).toEqual([
        expect.stringMatching(
          /^wrong: cannot connect, there is no such database: SESSION_URL, the database.*raise the server's databases/
        )
      ])
    })
  )

  it.live("a user who lacks commands and keys", () =>
    Effect.gen(function* () {
      const { port, url } = yield* server
      const findings = yield* changed(
        url,
        [
          [
            ...["ACL", "SETUSER", "web", "on", ">s3cret-web", "~session:*", "~mark:session:*", "resetchannels"],
            ...["+@all", "-eval", "-pexpire", "-scan", "-config"]
          ] as unknown as Commands[number]
        ],
        on(`redis://web:s3cret-web@127.0.0.1:${port}`),
        [["ACL", "DELUSER", "web"]]
      )
      const found = troubles(findings)
      expect(found).toHaveLength(4)
      expect(found).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^wrong: no session can be kept, the user lacks a right/),
          expect.stringMatching(/^wrong: the user may not use PEXPIRE, EVAL, .*ACL SETUSER: \+pexpire \+eval;/),
          expect.stringMatching(
            /^wrong: the user may not use the keys that begin with principals:session:.*~principals/
          ),
          expect.stringMatching(/^warning: the user may not use SCAN: sessions can be neither counted nor listed/)
        ])
      )
      // What the user may not ask is said, and is not taken for a fault.
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^not checked: whether the server makes snapshots \(CONFIG GET: NOPERM/),
          expect.stringMatching(/^the user may not publish/),
          "the clock of the server agrees with this machine's"
        ])
      )
    })
  )

  it.live("the command prints what docs/cli.md shows, and exits with 1 if anything is not ok", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const command = run({ SESSION_PROVIDER: "redis", SESSION_URL: url }, "doctor")
      const { code, out } = yield* changed(
        url,
        config({ maxmemory: "100mb", "maxmemory-policy": "allkeys-lru" }),
        command,
        config({ maxmemory: "0", "maxmemory-policy": "noeviction" })
      )
      expect(code).toBe(1)
      expect(shownLines.length).toBeGreaterThan(2)
      for (const line of shownLines) expect(out.split("\n")).toContain(line)
    })
  )

  it.live.each([
    { policy: "allkeys-lru", removes: "any key" },
    { policy: "volatile-ttl", removes: "keys that have a lifetime, and every session has one" }
  ])("a maxmemory-policy that removes sessions: $policy", ({ policy, removes }) =>
    Effect.gen(function* () {
      const found = yield* after(
        config({ maxmemory: "100mb", "maxmemory-policy": policy }),
        config({ maxmemory: "0", "maxmemory-policy": "noeviction" })
      )
      expect(found).toEqual([
        expect.stringMatching(
          new RegExp(
            `^warning: maxmemory-policy is ${policy}: .*the server removes ${removes}.*: give sessions a server`
          )
        )
      ])
    })
  )

  it.live("a server whose memory is full", () =>
    Effect.gen(function* () {
      const found = yield* after(config({ maxmemory: "1mb" }), config({ maxmemory: "0" }))
      expect(found).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^wrong: no session can be kept, there is no room: redis: create failed \(OOM\)/),
          "wrong: the server's memory is full (1 MiB): it refuses new sessions and changes: raise maxmemory, or remove data"
        ])
      )
    })
  )

  it.live("sessions without a lifetime", () =>
    Effect.gen(function* () {
      const found = yield* after(
        [
          // A trial that was refused leaves its session for a minute.
          ["FLUSHALL"],
          ["SET", session(1), "x", "EX", 60],
          ["SET", session(2), "x"],
          // Another program's key.
          ["SET", "session:x", "x"]
        ],
        [["FLUSHALL"]]
      )
      expect(found).toEqual([
        expect.stringMatching(/^warning: 1 of a sample of 2 sessions have no lifetime: .*PEXPIRE$/)
      ])
    })
  )

  it.live("nothing on a disk", () =>
    Effect.gen(function* () {
      expect(yield* after(config({ save: "" }), config({ save: "36000 1" }))).toEqual([
        expect.stringMatching(
          /^warning: the server keeps nothing on a disk: a restart signs everybody out: .*appendonly/
        )
      ])
    })
  )

  it.live("a replica", () =>
    Effect.gen(function* () {
      const [nowhere] = yield* Effect.promise(() => freePorts(1))
      const found = yield* after([["REPLICAOF", "127.0.0.1", nowhere!]], [["REPLICAOF", "NO", "ONE"]])
      expect(found).toEqual(
        expect.arrayContaining([expect.stringMatching(/^wrong: the server is a replica, which takes no writes/)])
      )
    })
  )

  it.live("fewer replicas than SESSION_MIN_REPLICAS", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      expect(troubles(yield* on(url, { SESSION_MIN_REPLICAS: "1" }))).toEqual(
        expect.arrayContaining([
          expect.stringMatching(
            /^wrong: 0 replicas are connected, and SESSION_MIN_REPLICAS is 1: no session can be saved/
          )
        ])
      )
    })
  )

  it.live("a clock that is off", () =>
    Effect.gen(function* () {
      expect(troubles(yield* at(() => Date.now() + 600_000)(there))).toEqual([
        expect.stringMatching(/^warning: the clock of the server is 10 minutes behind this machine's: .*NTP/)
      ])
    })
  )

  it.live("a server that is no Redis for single use: a sentinel's", () =>
    Effect.gen(function* () {
      const { port } = yield* server
      const { url } = yield* Servers.watcher("main", port)
      expect(troubles(yield* on(url))).toEqual([
        expect.stringMatching(/^wrong: cannot connect: SESSION_URL: the server is a sentinel: use redisSentinel/)
      ])
    }).pipe(Effect.scoped)
  )
})

/** The rights that docs/providers/redis.md says a user needs: for all, and for news of sessions that end. */
const documented = [
  ...readFileSync(new URL("../../../docs/providers/redis.md", import.meta.url), "utf8").matchAll(
    /^ACL (SETUSER sessions .*)$/gm
  )
]
  .slice(0, 2)
  .map(([, command]) => ["ACL", ...command!.split(" ")] as unknown as Commands[number])

for (const program of ["redis-server", "redis-server-6", "valkey-server"] as const) {
  suite(`doctor with the rights of docs/providers/redis.md, ${program}`, [program], () => {
    const server = shared(Servers.single({ program }))

    it.live("nothing is wrong, and what these rights do not let it see is said", () =>
      Effect.gen(function* () {
        expect(documented).toHaveLength(2)
        const { port, url } = yield* server
        const as = (user: string) =>
          examine({ SESSION_PROVIDER: "redis", SESSION_URL: `redis://${user}127.0.0.1:${port}` })
        expectHealthy(yield* as(""), 9)
        yield* administer(url, ["SET", session(1), "x", "EX", 60], ...documented)
        const findings = yield* as("sessions:password@")
        expect(troubles(findings)).toEqual([])
        expect(findings.map(({ what }) => what).filter((what) => what.startsWith("not checked"))).toHaveLength(2)
        yield* administer(url, ["ACL", "SETUSER", "sessions", "-evalsha", "-del"])
        expect(troubles(yield* as("sessions:password@"))).toContainEqual(
          expect.stringMatching(/^wrong: the user may not use DEL, EVALSHA, which sessions need: .*\+del \+evalsha/)
        )
        yield* administer(url, ["ACL", "SETUSER", "sessions", "+evalsha", "+del", "resetkeys", "~session:*"])
        expect(troubles(yield* as("sessions:password@"))).toContainEqual(
          expect.stringMatching(
            /^wrong: the user may not use the keys that begin with mark:session:, principals:session:/
          )
        )
      })
    )
  })
}
