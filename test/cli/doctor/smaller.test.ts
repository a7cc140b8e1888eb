/**
 * `doctor` on LedisDB, SSDB and Couchbase, on sealed cookies whose ends a backend records, and on sessions that are sealed at
 * rest: healthy ones, and prepared faults, each named.
 */
import { randomBytes } from "node:crypto"
import { SessionConfig } from "effect-session"
import * as RedisSessions from "effect-session/redis"
import { Redis as Client } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import { describe, expect, it } from "#test/vitest"
import { makeAtRest } from "../../../src/Manager/atRest.js"
import { bytes, newId } from "../../../src/testing/support.js"
import { shared } from "../../provider/shared.js"
import * as Couchbase from "../../servers/Couchbase.js"
import * as Ledis from "../../servers/Ledis.js"
import { suite } from "../../servers/need.js"
import * as Redis from "../../servers/Redis.js"
import * as Ssdb from "../../servers/Ssdb.js"
import { examine, expectHealthy, troubles } from "./examine.js"

const session = `session:${"A".repeat(43)}`

const tell = (url: string, ...command: readonly [string, ...Array<string | number>]) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const [host, port] = url.split(":")
      return new Client({ host: host!, port: Number(port), ...Redis.resp2 })
    }),
    (client) => Effect.promise(() => client.call(command[0], command.slice(1))),
    (client) => Effect.sync(() => client.disconnect())
  )

const tried = "a session was made, read, renewed, changed, given another id and ended"

const endless = expect.stringMatching(/^warning: 1 of a sample of 1 sessions have no lifetime/)

suite("doctor on LedisDB", ["ledis-server"], () => {
  const server = shared(Ledis.make())
  it.live("a healthy server, and a session without a lifetime", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const there = examine({ SESSION_PROVIDER: "ledis", SESSION_URL: url })
      const findings = yield* there
      expect(troubles(findings)).toEqual([])
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([tried, "the clock of the server agrees with this machine's"])
      )
      yield* tell(url, "SET", session, "x")
      expect(troubles(yield* there)).toEqual([endless])
    })
  )
})

describe("doctor on SSDB", () => {
  const server = shared(Ssdb.make())
  it.live("a healthy server, and a session without a lifetime", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const there = examine({ SESSION_PROVIDER: "ssdb", SESSION_URL: url })
      const findings = yield* there
      expect(troubles(findings)).toEqual([])
      expect(findings.map(({ what }) => what)).toContain(tried)
      yield* tell(url, "set", session, "x")
      expect(troubles(yield* there)).toEqual([endless])
    })
  )
})

describe("doctor on Couchbase", () => {
  const target = shared(Couchbase.target())
  it.live("a healthy cluster, and a wrong password", () =>
    Effect.gen(function* () {
      const url = Couchbase.sessionUrl(yield* target)
      const findings = yield* examine({ SESSION_PROVIDER: "couchbase", SESSION_URL: url })
      expect(troubles(findings)).toEqual([])
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([tried, expect.stringMatching(/^not checked: the bucket's type/)])
      )
      const wrong = url.replace(/:([^:@/]+)@/, ":another@")
      expect(troubles(yield* examine({ SESSION_PROVIDER: "couchbase", SESSION_URL: wrong }))).toEqual([
        expect.stringMatching(/^wrong: no session can be kept, the user or the password is refused/)
      ])
    })
  )
})

suite("doctor on what keys seal", ["redis-server"], () => {
  const server = shared(Redis.single())
  const key = () => randomBytes(32).toString("base64")

  it.live("cookies whose ends Redis records", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const cookie = { SESSION_PROVIDER: "cookie", SESSION_KEYS: key(), SESSION_REVOCATIONS: "redis" }
      const findings = yield* examine({ ...cookie, SESSION_URL: url })
      expectHealthy(findings, 9)
      expect(findings.map(({ what }) => what)).toContain(tried)
    })
  )

  it.live("keys at rest: which of them seal, and one that was dropped too early", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const [older, newer] = [key(), key()]
      const on = (keys: string, more: Readonly<Record<string, string>> = {}) =>
        examine({ SESSION_PROVIDER: "redis", SESSION_URL: url, SESSION_AT_REST_KEYS: keys, ...more })
      const provider = yield* RedisSessions.make({ url })
      const store = (keys: ReadonlyArray<string>, sessions: number) =>
        Effect.gen(function* () {
          const config = yield* SessionConfig.make(
            keys.length === 0 ? {} : { atRest: { keys: keys.map((key) => Redacted.make(key)) } }
          )
          const { seal } = yield* makeAtRest(config)
          for (let n = 0; n < sessions; n++) {
            const id = newId()
            yield* provider.create(id, seal("session", id, undefined, bytes("{}")), Duration.minutes(1))
          }
        })
      yield* store([older], 3)
      yield* store([newer, older], 2)
      const findings = yield* on([newer, older].join(","))
      expectHealthy(findings, 10)
      expect(findings.map(({ what }) => what)).toContain(
        "SESSION_AT_REST_KEYS: of a sample of 5 sessions are sealed: 2 with key 1, 3 with key 2"
      )
      const dropped = expect.stringMatching(
        /^warning: SESSION_AT_REST_KEYS: 3 of a sample of 5 sessions are sealed with none of the keys.* signed out/
      )
      expect(troubles(yield* on(newer))).toEqual([dropped])
      const third = yield* on([newer, older, key()].join(","))
      expect(troubles(third)).toEqual([])
      expect(third.map(({ what }) => what)).toContain("SESSION_AT_REST_KEYS: key 3 seals none of them")
      // While sealing is turned on, sessions that are not sealed yet are no fault, but the option is a danger.
      yield* store([], 1)
      expect(troubles(yield* on([newer, older].join(","), { SESSION_AT_REST_MIGRATING: "true" }))).toEqual([
        expect.stringMatching(/^warning: SESSION_AT_REST_MIGRATING is set/)
      ])
    }).pipe(Effect.scoped)
  )
})
