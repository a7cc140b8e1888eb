/**
 * What `doctor` says of the environment alone: no server is needed, and it is the same on both majors.
 */
import { randomBytes } from "node:crypto"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { judged } from "../../../src/cli/doctor/disk.js"
import { ok, runAll } from "../../../src/cli/doctor/finding.js"
import { examine, expectHealthy, troubles } from "./examine.js"

const key = () => randomBytes(32).toString("base64")

/** The troubles of these variables. */
const said = (variables: Readonly<Record<string, string>>) => Effect.map(examine(variables), troubles)

it.live("memory: right for a developer, and a warning in production", () =>
  Effect.gen(function* () {
    expectHealthy(yield* examine({}), 2)
    expect(yield* said({ NODE_ENV: "production" })).toEqual([
      expect.stringMatching(/^warning: sessions are in the memory of the app's process: .*NODE_ENV is production/)
    ])
  })
)

it.live("a misspelt variable, and each of several", () =>
  Effect.gen(function* () {
    expect(
      yield* said({ SESSION_IDLE_TIMEOT: "1 hour", SESSION_COOKIE_SECUR: "false", SESSION_OF_PARLIAMENT: "1" })
    ).toEqual(
      expect.arrayContaining([
        "wrong: SESSION_IDLE_TIMEOT is no variable of effect-session's: the app does not start with it: did you mean SESSION_IDLE_TIMEOUT?",
        "wrong: SESSION_COOKIE_SECUR is no variable of effect-session's: the app does not start with it: did you mean SESSION_COOKIE_SECURE?",
        expect.stringMatching(/^warning: SESSION_OF_PARLIAMENT is no variable .*fromConfig\(\{ ignore \}\)/)
      ])
    )
  })
)

it.live("values that cannot be read are named, and not shown", () =>
  Effect.gen(function* () {
    const findings = yield* examine({
      SESSION_PROVIDER: "postgres",
      SESSION_URL: "postgres://web:hidden-pass@127.0.0.1:1/app",
      SESSION_MAX_CONNECTIONS: "not-to-be-shown",
      SESSION_MAX_BYTES: "not-to-be-shown",
      SESSION_TLS: "not-to-be-shown",
      SESSION_COOKIE_SECURE: "not-to-be-shown"
    })
    expect(JSON.stringify(findings)).not.toContain("not-to-be-shown")
    expect(troubles(findings).toSorted()).toEqual([
      "wrong: SESSION_COOKIE_SECURE: expected true or false: correct it, or leave it out",
      "wrong: SESSION_MAX_BYTES: expected a whole number: correct it, or leave it out",
      "wrong: SESSION_MAX_CONNECTIONS: expected a whole number: correct it, or leave it out",
      "wrong: SESSION_TLS: expected true or false: correct it, or leave it out"
    ])
    expect(findings.at(-1)!.what).toMatch(/^not checked: the backend/)
  })
)

it.live("a value that an option refuses, an unknown backend, and none beside an address", () =>
  Effect.gen(function* () {
    expect(yield* said({ SESSION_IDLE_TIMEOUT: "soon" })).toEqual([
      expect.stringMatching(/^wrong: SESSION_IDLE_TIMEOUT: expected /)
    ])
    const address = "redis://:a-password-in-the-wrong-place@127.0.0.1"
    const findings = yield* examine({ SESSION_PROVIDER: address })
    expect(troubles(findings)).toEqual([
      expect.stringMatching(/^wrong: SESSION_PROVIDER names no backend of effect-session's: expected one of/)
    ])
    expect(JSON.stringify(findings)).not.toContain("a-password")
    expect(yield* said({ SESSION_PROVIDER: "reids" })).toEqual([
      expect.stringMatching(/^wrong: SESSION_PROVIDER names no backend of effect-session's: did you mean redis\?;/)
    ])
    expect(yield* said({ SESSION_URL: address })).toEqual([
      expect.stringMatching(/^wrong: SESSION_PROVIDER is not set, and SESSION_URL is: the app does not start/)
    ])
    expect(yield* said({ SESSION_PROVIDER: "redis" })).toEqual([
      expect.stringMatching(/^wrong: cannot connect: SESSION_URL: it is not set/)
    ])
  })
)

it.live("dangerous settings, each by its variable", () =>
  Effect.gen(function* () {
    const found = yield* said({
      SESSION_COOKIE_SECURE: "false",
      SESSION_COOKIE_HTTP_ONLY: "false",
      SESSION_ID_HASHED: "false",
      SESSION_CROSS_ORIGIN: "allow",
      SESSION_QUERY: "sid",
      SESSION_IDLE_TIMEOUT: "14 days"
    })
    expect(found.map((line) => line.replace(/^warning: (\w+).*/, "$1")).toSorted()).toEqual([
      "SESSION_COOKIE_HTTP_ONLY",
      "SESSION_COOKIE_SECURE",
      "SESSION_CROSS_ORIGIN",
      "SESSION_ID_HASHED",
      "SESSION_QUERY",
      "idleTimeout"
    ])
  })
)

it.live("keys: weak ones, the same twice, and several", () =>
  Effect.gen(function* () {
    const [first, second] = [key(), key()]
    const cookie = { SESSION_PROVIDER: "cookie" }
    expect(yield* said({ ...cookie, SESSION_KEYS: `${first},correct-horse-battery-staple-and-so-on-and-on` })).toEqual([
      expect.stringMatching(/^wrong: SESSION_KEYS: key 2 of 2 is weak: .*openssl rand -base64 32$/)
    ])
    expect(yield* said({ ...cookie, SESSION_KEYS: `${first},${second},${first}` })).toEqual([
      expect.stringMatching(/^warning: SESSION_KEYS: key 3 of 3 stands there twice/)
    ])
    const findings = yield* examine({ ...cookie, SESSION_KEYS: `${first},${second}` })
    expectHealthy(findings, 4)
    expect(findings.map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        "SESSION_KEYS: 2 keys, of unknown age: the first seals, and all of them open",
        "sessions can be sealed in cookies with these keys",
        expect.stringMatching(/^SESSION_REVOCATIONS is not set: anyone who kept a copy/)
      ])
    )
    expect(yield* said({ ...cookie, SESSION_KEYS: first, SESSION_REVOCATIONS: "memory" })).toEqual([
      expect.stringMatching(/^warning: SESSION_REVOCATIONS is memory: after a restart/)
    ])
    expect(yield* said(cookie)).toEqual([
      expect.stringMatching(/^wrong: no session can be kept: SESSION_KEYS: it is not set/)
    ])
  })
)

it("a disk: its room, its inodes and a network drive", () => {
  const space = { type: 0xef53, bsize: 4096, blocks: 2 ** 20, bavail: 2 ** 19, files: 1000, ffree: 900 }
  const about = (more: Partial<typeof space>) => troubles(judged({ ...space, ...more }))
  expect(about({})).toEqual([])
  expect(about({ bavail: 100 })).toEqual([expect.stringMatching(/^wrong: only 400 KiB of the disk are free \(0 %\)/)])
  expect(about({ bavail: 40_000 })).toEqual([
    expect.stringMatching(/^warning: only 156 MiB of the disk are free \(3 %\)/)
  ])
  expect(about({ ffree: 9 })).toEqual([expect.stringMatching(/^warning: only 9 of 1000 inodes are free/)])
  // Btrfs has no fixed number of them.
  expect(about({ files: 0, ffree: 0 })).toEqual([])
  expect(about({ type: 0x6969 })).toEqual([expect.stringMatching(/^warning: this is a network drive \(NFS\)/)])
})

it.live("a check that fails, or breaks, is told without what it failed with, and keeps none of the others", () =>
  Effect.gen(function* () {
    const code = Object.assign(new Error("a-value"), { code: "EACCES" })
    const findings = yield* runAll([
      { name: "one", look: Effect.fail(code) },
      { name: "two", look: Effect.die(new TypeError("a-value")) },
      { name: "three", look: Effect.succeed([ok("fine")]) }
    ])
    expect(findings).toEqual([ok("not checked: one (EACCES)"), ok("not checked: two (TypeError)"), ok("fine")])
  })
)
