import { join } from "node:path"
import * as Effect from "#effect/Effect"
import { describe, expect, it } from "#test/vitest"
import { folder } from "./backends.js"
import { run } from "./run.js"

describe("keys", () => {
  it.live("makes a key that sealed cookies and sessions at rest accept, another each time", () =>
    Effect.gen(function* () {
      for (const [use, variable] of [
        ["cookie", "SESSION_KEYS"],
        ["at-rest", "SESSION_AT_REST_KEYS"]
      ] as const) {
        const [one, two] = yield* Effect.all([run({}, "keys", use), run({}, "keys", use)])
        expect(one).toEqual({ code: 0, err: "", out: expect.stringMatching(RegExp(`^${variable}=[\\w-]{43}\n$`)) })
        expect(two.out).not.toBe(one.out)
        const [name, key] = one.out.trim().split("=") as [string, string]
        const rotated = yield* run({ [name]: key }, "keys", "--rotate", use)
        expect(rotated.out).toMatch(RegExp(`^${variable}=[\\w-]{43},${key}\n$`))
        // Both are keys for the app that reads this line.
        const app = { SESSION_PROVIDER: "sqlite", SESSION_URL: join(yield* folder, "sessions.sqlite") }
        const both = rotated.out.trim().split("=")[1]!
        const asked = yield* run(
          use === "cookie" ? { SESSION_PROVIDER: "cookie", [variable]: both } : { ...app, [variable]: both },
          "count"
        )
        expect(asked).toMatchObject(
          use === "cookie"
            ? { code: 1, err: "effect-session: cookie: this backend cannot count its sessions\n" }
            : { code: 0, out: "0\n" }
        )
      }
    })
  )

  it.live("shows none on a terminal, unless it is told to", () =>
    Effect.gen(function* () {
      const { isTTY } = process.stdout
      process.stdout.isTTY = true
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          process.stdout.isTTY = isTTY
        })
      )
      const refused = yield* run({}, "keys", "cookie")
      expect(refused).toEqual({ code: 2, out: "", err: expect.stringContaining("effect-session keys cookie >> .env") })
      expect((yield* run({}, "keys", "--show", "cookie")).out).toMatch(/^SESSION_KEYS=/)
    })
  )

  it.live("has nothing to rotate where there is no key", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run({}, "keys", "--rotate", "cookie")
      expect([code, out]).toEqual([2, ""])
      expect(err).toContain("SESSION_KEYS is not set")
    })
  )
})

describe("names", () => {
  it.live("may begin with a dash, as one of 64 sessions' does", () =>
    Effect.gen(function* () {
      const app = { SESSION_PROVIDER: "sqlite", SESSION_URL: join(yield* folder, "sessions.sqlite") }
      for (const name of ["-0hTkqRYzFQv", "-hhhhhhhhhhh", "--hTkqRYzFQv"]) {
        for (const args of [[name], [name, "--principal", "ada"], ["--principal", "-h", name], ["--", name]]) {
          expect(yield* run(app, "end", ...args)).toMatchObject({
            code: 1,
            out: "",
            err: expect.stringContaining(`no live session has the name ${name}:`)
          })
        }
      }
      expect(yield* run(app, "count", "--principal", "-h")).toEqual({ code: 0, out: "0\n", err: "" })
      expect(yield* run(app, "end", "--everything")).toEqual({ code: 0, out: "Ended all sessions.\n", err: "" })
    })
  )
})

describe("doctor", () => {
  it.live("exits with 0 if all is ok, and prints an object of JSON for each finding if it is asked to", () =>
    Effect.gen(function* () {
      const told = yield* run({}, "doctor")
      expect(told).toMatchObject({ code: 0, err: "" })
      expect(told.out).toMatch(/^ok {7}the variables can be read, and none is unknown\n/)
      const { code, out } = yield* run({ NODE_ENV: "production" }, "doctor", "--json")
      expect(code).toBe(1)
      const findings = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(findings.at(-1)).toEqual({
        level: "warning",
        what: expect.stringContaining("sessions are in the memory of the app's process"),
        todo: expect.stringContaining("SESSION_PROVIDER=redis")
      })
    })
  )
})

describe("wrong use", () => {
  const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: string | RegExp]> = [
    [["end"], "which ones?"],
    [["end", "--everything", "abc"], "and not both"],
    [["end", "--everything", "--principal", "ada"], "and not both"],
    [["cuont"], /count/],
    [["list", "--jsno"], /jsno/]
  ]
  for (const [args, says] of cases) {
    it.live(`effect-session ${args.join(" ")}: is refused before anything is asked`, () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* run(
          { SESSION_PROVIDER: "redis", SESSION_URL: "redis://127.0.0.1:1" },
          ...args
        )
        expect(code).toBe(2)
        expect(out + err).toMatch(says)
        expect(err).not.toContain("ECONNREFUSED")
      })
    )
  }

  it.live("the environment is an app's: what would be wrong there is said, with the variable's name", () =>
    Effect.gen(function* () {
      const file = { SESSION_PROVIDER: "file", SESSION_URL: yield* folder }
      for (const [variables, says] of [
        [{}, /^effect-session: SESSION_PROVIDER: it is not set: .*in the app's own process/],
        [{ SESSION_PROVIDER: "memory" }, /in the app's own process/],
        [{ SESSION_PROVIDER: "rdis" }, /SESSION_PROVIDER.*did you mean redis\?/],
        [{ ...file, SESSION_IDLE_TIMEOUT: "soon" }, /SESSION_IDLE_TIMEOUT/]
      ] as const) {
        const { code, err, out } = yield* run(variables, "count")
        expect([code, out]).toEqual([2, ""])
        expect(err).toMatch(says)
      }
      // It may be one that the app knows.
      const { code, err, out } = yield* run({ ...file, SESSION_KEY_PREFX: "a:" }, "count")
      expect([code, out]).toEqual([0, "0\n"])
      expect(err).toMatch(/SESSION_KEY_PREFX: unknown variable: did you mean SESSION_KEY_PREFIX\?/)
    })
  )

  it.live("a backend that is down is said, without its password", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run(
        { SESSION_PROVIDER: "redis", SESSION_URL: "redis://:hunter2@127.0.0.1:1" },
        "count"
      )
      expect([code, out]).toEqual([1, ""])
      expect(err).toMatch(/^effect-session: redis: .*ECONNREFUSED/)
      expect(err).not.toContain("hunter2")
    })
  )
})
