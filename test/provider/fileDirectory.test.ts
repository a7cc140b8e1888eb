/**
 * The file provider's directory as operators meet it: whose it is, who else can write there, what is typed for it, and what
 * becomes of it while the app runs.
 */
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionLayer, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { afterEach, beforeEach, describe, expect, it } from "#test/vitest"
import { explained } from "../../src/Provider/file/explained.js"
import { bundle } from "../support/bundle.js"
import { collectLogs } from "../support/logs.js"

let base = ""
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "effect-session-dir-"))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const day = Duration.days(1)
const id = (n: number) => `id-${n}` as SessionProvider.StoredId
const bytes = Buffer.from("data")

const refused = (options: File.Options) =>
  Effect.map(Effect.flip(File.make(options)), ({ message, reason }) => {
    expect(reason).toBe("InvalidConfig")
    return message
  })

const folder = (path: string, mode = 0o700, owner = 0, group = 0): string => {
  mkdirSync(path)
  if (process.getuid?.() === 0) {
    chownSync(path, owner, group)
  }
  chmodSync(path, mode)
  return path
}

describe("a directory that others can write in, or replace", () => {
  it.effect("is refused, with the command that mends it", () =>
    Effect.gen(function* () {
      const open = folder(join(base, "open"), 0o777)
      expect(yield* refused({ directory: open })).toBe(`directory: every user can write in ${open}: chmod go-w ${open}`)
      const below = folder(join(open, "sessions"))
      expect(yield* refused({ directory: below })).toBe(
        `directory: every user can write in ${open}, above ${below}: chmod go-w ${open}`
      )
      expect(yield* refused({ directory: join(open, "new", "sessions") })).toContain(`chmod go-w ${open}`)
      // In a sticky folder, such as /tmp, nobody can move what belongs to another.
      chmodSync(open, 0o1777)
      yield* File.make({ directory: below })
      // To take that right from other programs is no advice.
      expect(yield* refused({ directory: open })).toBe(
        `directory: every user can write in ${open}: name a folder of your own in it, such as ${join(open, "sessions")}`
      )
    })
  )

  it.effect("is accepted with strictModes off, if only the folders above are open", () =>
    Effect.gen(function* () {
      const open = folder(join(base, "open"), 0o777)
      yield* File.make({ directory: join(open, "sessions"), strictModes: false })
      expect(yield* refused({ directory: open, strictModes: false })).toContain("every user can write")
      const built = (strict: string) =>
        Effect.scoped(
          Layer.build(
            Layer.provide(
              SessionLayer.fromConfig(),
              ConfigProvider.layer(
                ConfigProvider.fromEnvRecord({
                  SESSION_PROVIDER: "file",
                  SESSION_URL: join(open, "sessions"),
                  SESSION_STRICT_MODES: strict
                })
              )
            )
          )
        )
      yield* built("false")
      expect(String(yield* Effect.flip(built("true")))).toContain("SESSION_URL: every user can write in")
    })
  )

  it.effect.skipIf(process.getuid?.() !== 0)("is refused if it is someone else's, or its group can write", () =>
    Effect.gen(function* () {
      const nobody = 65_534
      const theirs = folder(join(base, "theirs"), 0o755, nobody)
      expect(yield* refused({ directory: theirs })).toBe(
        `directory: ${theirs} belongs to nobody, and this process runs as root: run it as nobody, or: chown -R root ${theirs}`
      )
      expect(yield* refused({ directory: folder(join(theirs, "sessions")) })).toContain(`chown root ${theirs}`)
      const shared = folder(join(base, "shared"), 0o770, 0, nobody)
      expect(yield* refused({ directory: shared })).toBe(
        `directory: others of its group can write in ${shared}: chmod g-w ${shared}`
      )
    })
  )

  it.effect.skipIf(process.getuid?.() !== 0)("is refused if folders of another user are in the way in it", () =>
    Effect.gen(function* () {
      const sessions = folder(join(base, "sessions"))
      folder(join(sessions, "ab"), 0o700, 65_534)
      expect(yield* refused({ directory: sessions })).toBe(
        `directory: ${sessions}/ab belongs to nobody, and this process runs as root: chown -R root ${sessions}`
      )
      chownSync(join(sessions, "ab"), 0, 0)
      const people = folder(join(sessions, "people-cd"), 0o700, 65_534)
      expect(yield* refused({ directory: sessions })).toContain(`${people} belongs to nobody`)
      chownSync(people, 0, 0)
      // What is none of its folders may be anybody's.
      folder(join(sessions, "lost+found"), 0o700, 65_534)
      yield* File.make({ directory: sessions })
    })
  )
})

describe("a text that is surely not meant as a directory", () => {
  for (const text of [
    "redis://user:secret@127.0.0.1:6379/0",
    "./redis://user:secret@127.0.0.1",
    "user:secret@127.0.0.1/0",
    "127.0.0.1:11211,127.0.0.1:11212",
    "localhost:6379/0",
    '"/var/lib/sessions"',
    "'sessions'",
    "~/sessions",
    "$HOME/sessions",
    "/var/$\u{7b}APP}/sessions",
    "/var/lib/sessions\n",
    "/var/lib\n/sessions",
    " /var/lib/sessions"
  ]) {
    it.effect(`${JSON.stringify(text)} is refused, and is not shown`, () =>
      Effect.gen(function* () {
        const before = new Set(spawnSync("ls", ["-A"], { encoding: "utf8" }).stdout.split("\n"))
        const message = yield* refused({ directory: text })
        expect(message).toMatch(/^directory: expected the path of a directory, /)
        expect(message).not.toContain("secret")
        expect(
          spawnSync("ls", ["-A"], { encoding: "utf8" })
            .stdout.split("\n")
            .filter((n) => !before.has(n))
        ).toEqual([])
      })
    )
  }
})

describe("a directory that is removed while it is in use", () => {
  it.effect("is made again, for this user alone, and the log is told once", () =>
    Effect.gen(function* () {
      const directory = join(base, "a", "sessions")
      const provider = yield* File.make({ directory })
      yield* provider.create(id(0), bytes, day)
      rmSync(join(base, "a"), { recursive: true })
      expect((yield* provider.read(id(0)))._tag).toBe("None")
      expect(yield* provider.count!).toBe(0)
      expect(yield* provider.gc!).toBe(0)
      const { layer, logged } = collectLogs()
      yield* Effect.forEach([1, 2, 3, 4], (n) => provider.create(id(n), bytes, day), { concurrency: 4 }).pipe(
        Effect.provide(layer)
      )
      expect(logged).toEqual([
        `file: ${directory} was removed, and all sessions with it; it was made again: let nothing else change it`
      ])
      expect(lstatSync(directory).mode & 0o777).toBe(0o700)
      expect(yield* provider.count!).toBe(4)
    })
  )

  it.effect("and made again by someone else is used only if it is fit", () =>
    Effect.gen(function* () {
      const directory = join(base, "sessions")
      const provider = yield* File.make({ directory })
      rmSync(directory, { recursive: true })
      folder(directory, 0o777)
      const error = yield* Effect.flip(provider.create(id(1), bytes, day))
      expect(error.message).toBe(`file: create failed (every user can write in ${directory}): chmod go-w ${directory}`)
      chmodSync(directory, 0o700)
      expect((yield* provider.create(id(1), bytes, day))._tag).toBe("Written")
      // A link in its place is not followed.
      renameSync(directory, `${directory}-moved`)
      symlinkSync(folder(join(base, "elsewhere")), directory)
      const moved = yield* Effect.flip(provider.create(id(2), bytes, day))
      expect(moved.message).toContain("its folder was moved or replaced")
      expect(spawnSync("ls", ["-A", join(base, "elsewhere")], { encoding: "utf8" }).stdout).toBe("")
    })
  )

  it.effect("and whose empty folders a program cleans up all the time loses no session that is begun", () =>
    Effect.gen(function* () {
      const directory = join(base, "sessions")
      const provider = yield* File.make({ directory })
      for (let n = 0; n < 20; n++) {
        spawnSync("find", [directory, "-mindepth", "1", "-maxdepth", "1", "-type", "d", "-empty", "-delete"])
        yield* provider.create(id(n), bytes, day)
        yield* provider.destroy(id(n))
      }
      expect(existsSync(directory)).toBe(true)
    })
  )
})

describe("a burst of requests", () => {
  it.live("waits for files to be closed, where a process may open few", () =>
    Effect.gen(function* () {
      const program = yield* Effect.promise(() => bundle(new URL("../support/fileBurst.ts", import.meta.url)))
      const limited = ["-c", `ulimit -n 60 && exec "$0" "$@"`, process.execPath, program, join(base, "sessions")]
      const { stderr, stdout } = spawnSync("bash", limited, { encoding: "utf8", timeout: 60_000 })
      expect(stderr).toBe("")
      expect(stdout).toBe("2000 begun, 2000 read\n")
    })
  )
})

describe("what the system says", () => {
  for (const [code, words, advice] of [
    ["EROFS", "read-only", "mount"],
    ["ENOSPC", "disk is full", "df -i"],
    ["EDQUOT", "quota", "raise"],
    ["EMFILE", "too many open files", "ulimit -n"],
    ["EACCES", "may not", "chown -R"],
    ["EIO", "disk fails", "dmesg"]
  ] as const) {
    it.effect(`${code} is told in words, with what mends it`, () =>
      Effect.sync(() => {
        const error = SessionProvider.unavailable("file", "create", explained(Object.assign(new Error(), { code })))
        expect(error.message).toMatch(new RegExp(`^file: create failed \\(.*${words}.*\\(${code}\\)\\): .*${advice}`))
      })
    )
  }
})
