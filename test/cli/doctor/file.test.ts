/**
 * `doctor` on sessions in files and in SQLite: healthy ones, and prepared faults, each named.
 */
import { randomBytes, randomUUID } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionLayer } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { afterEach, beforeEach, describe, expect, it } from "#test/vitest"
import { examine, expectHealthy, troubles } from "./examine.js"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "effect-session-doctor-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe("doctor on files", () => {
  const on = (directory: string) => examine({ SESSION_PROVIDER: "file", SESSION_URL: directory })

  it.live("a healthy directory, and one that is not there yet, which is not made", () =>
    Effect.gen(function* () {
      const absent = join(folder, "absent")
      const findings = yield* on(absent)
      expect(troubles(findings)).toEqual([])
      expect(findings.map(({ what }) => what)).toContain(
        "there is no such directory yet: the app makes it when it starts"
      )
      expect(existsSync(absent)).toBe(false)
      expectHealthy(yield* on(folder), 5)
      // The trial's mark is there for a minute, as that of any session.
      expect(readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /head/.test(name))).toEqual([])
    })
  )

  it.live("a directory that every user can write in", () =>
    Effect.gen(function* () {
      chmodSync(folder, 0o777)
      expect(troubles(yield* on(folder))).toEqual([
        expect.stringMatching(/^wrong: no session can be kept.*every user can write in .*chmod go-w/)
      ])
    })
  )

  it.live("an address in place of a directory, and a file where it should be", () =>
    Effect.gen(function* () {
      expect(troubles(yield* on("redis://:hidden-pass@127.0.0.1"))).toEqual([
        expect.stringMatching(/^wrong: cannot connect: SESSION_URL: expected the path of a directory, not an address/)
      ])
      writeFileSync(join(folder, "file"), "")
      expect(troubles(yield* on(join(folder, "file", "sessions")))).toEqual([
        expect.stringMatching(/^wrong: .*file is no directory: the app cannot make one in it/)
      ])
      expect(troubles(yield* on(join(folder, "file")))[0]).toMatch(/^wrong: no session can be kept.* no folder/)
    })
  )

  it.live("sessions that nothing removes, and files that are not theirs", () =>
    Effect.gen(function* () {
      writeFileSync(join(folder, "notes.txt"), "")
      for (let n = 0; n < 120; n++) {
        const name = randomBytes(32).toString("hex")
        const session = join(folder, name.slice(0, 2), name)
        mkdirSync(session, { recursive: true, mode: 0o700 })
        writeFileSync(join(session, `head.${randomUUID()}.${Date.now() - 7_200_000}`), "")
      }
      expect(troubles(yield* on(folder))).toEqual([
        expect.stringMatching(/^warning: 1 files or folders in the directory are not sessions'/),
        expect.stringMatching(/^warning: 120 of a sample of \d+ sessions expired more than 60 minutes ago .*gc/)
      ])
    })
  )
})

describe("doctor on SQLite", () => {
  const on = (filename: string) => examine({ SESSION_PROVIDER: "sqlite", SESSION_URL: filename })

  it.live("a file that is not there yet, which is not made, and a healthy one", () =>
    Effect.gen(function* () {
      const filename = join(folder, "sessions.sqlite")
      expect(troubles(yield* on(filename))).toEqual([])
      expect(readdirSync(folder)).toEqual([])
      yield* Effect.scoped(Layer.build(SessionLayer.sqlite({ filename })))
      expectHealthy(yield* on(filename), 9)
    })
  )

  it.live("a directory that is not there, a file that is no database, and one that others may read", () =>
    Effect.gen(function* () {
      expect(troubles(yield* on(join(folder, "absent", "sessions.sqlite")))).toEqual([
        expect.stringMatching(/^wrong: the directory of the file is not there/)
      ])
      const text = join(folder, "text")
      writeFileSync(text, "no database ".repeat(1_000))
      expect(troubles(yield* on(text))).toEqual([
        expect.stringMatching(
          /^wrong: cannot connect: sqlite: connect failed \(SQLITE_NOTADB\): the file is no database/
        )
      ])
      const filename = join(folder, "sessions.sqlite")
      yield* Effect.scoped(Layer.build(SessionLayer.sqlite({ filename })))
      chmodSync(filename, 0o644)
      expect(troubles(yield* on(filename))).toEqual([
        expect.stringMatching(/^warning: other users of this machine may open .*sessions\.sqlite.*chmod go= /)
      ])
    })
  )

  it.live("a database in memory", () =>
    Effect.gen(function* () {
      expect(troubles(yield* on(":memory:"))).toContain(
        "warning: the database is in memory: sessions end with the app's process, which no other can see: name a file in SESSION_URL"
      )
    })
  )
})
