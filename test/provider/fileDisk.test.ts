/**
 * The file provider's directory: who may look into it, what is touched and what is not, and what happens when it is broken.
 */
import fs, {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import type { SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { afterEach, beforeEach, describe, expect, it } from "#test/vitest"
import { filesIn, foldersIn } from "./fileNames.js"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "effect-session-file-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const day = Duration.days(1)
const id = (text: string) => text as SessionProvider.StoredId
const payload = (text: string) => Buffer.from(text)

const read = (provider: SessionProvider.Provider, text: string) =>
  Effect.map(provider.read(id(text)), (stored) =>
    Option.isNone(stored) ? undefined : Buffer.from(stored.value.payload).toString()
  )

const ids = (provider: SessionProvider.Provider) =>
  Effect.map(Stream.runCollect(provider.list!), (ids) => Array.from(ids).toSorted())

/** The folder of the only session below a directory. */
const sessionFolder = (below: string): string => foldersIn(below).find((path) => /\/[0-9a-f]{64}$/.test(path))!

describe("the directory of the file provider", () => {
  it.effect("is for this user alone", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory: join(directory, "new", "folder") })
      yield* provider.create(id("1"), payload("1"), day)
      yield* provider.principals!.create(id("1"), payload("1"), day)
      expect(filesIn(directory)).toHaveLength(4)
      for (const path of [...foldersIn(directory), ...filesIn(directory)]) {
        const stat = lstatSync(path)
        expect([path, (stat.mode & 0o777).toString(8)]).toEqual([path, stat.isDirectory() ? "700" : "600"])
      }
    })
  )

  it.effect("holds people's records beside the sessions, until they are destroyed or collected", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      const people = provider.principals!
      const folders = () => foldersIn(directory).map((path) => relative(directory, path).replaceAll(/[0-9a-f]/g, "x"))
      yield* people.create(id("destroyed"), payload("1"), day)
      expect(folders()).toEqual(["pxoplx-xx", `pxoplx-xx/${"x".repeat(64)}`])
      yield* people.destroy(id("destroyed"))
      yield* people.create(id("expires"), payload("1"), Duration.minutes(1))
      yield* provider.create(id("expires"), payload("1"), Duration.minutes(1))
      yield* provider.create(id("stays"), payload("1"), day)
      expect(yield* ids(provider)).toEqual(["expires", "stays"])
      yield* TestClock.adjust("1 minute")
      expect(yield* provider.gc!).toBe(1)
      expect(filesIn(directory)).toHaveLength(2)
      expect(folders().filter((name) => name.startsWith("pxoplx-xx/"))).toEqual([])
    })
  )

  it.effect("holds raw ids of any length and characters, spread evenly whatever they begin with", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      const all = [
        "x".repeat(255),
        "../../etc/passwd",
        "line\nbreak",
        "žluťoučký",
        "\ud800",
        "\ud801",
        ...Array.from({ length: 500 }, (_, i) => `prefix-${i}`)
      ]
      yield* Effect.forEach(all, (text) => provider.create(id(text), payload(`of ${text}`), day), { concurrency: 50 })
      for (const text of all) {
        expect(yield* read(provider, text)).toBe(Buffer.from(`of ${text}`).toString())
      }
      expect(yield* ids(provider)).toEqual(all.toSorted())
      expect(foldersIn(directory).filter((path) => /\/[0-9a-f]{2}$/.test(path)).length).toBeGreaterThan(180)
      // Hashes only: a listing, such as that of a backup, holds nothing that a client could send.
      expect(filesIn(directory).filter((path) => path.includes("prefix") || path.includes("xxx"))).toEqual([])
    })
  )

  it.effect("can be copied, by programs that do not keep the times of files too", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory: join(directory, "one") })
      yield* provider.create(id("1"), payload("copied"), Duration.hours(1))
      cpSync(join(directory, "one"), join(directory, "two"), { recursive: true })
      const copy = yield* File.make({ directory: join(directory, "two") })
      yield* TestClock.adjust(Duration.subtract(Duration.hours(1), Duration.millis(1)))
      expect(yield* read(copy, "1")).toBe("copied")
      yield* TestClock.adjust("1 millis")
      expect(yield* read(copy, "1")).toBe(undefined)
    })
  )

  it.effect("keeps files that are not of sessions, when sessions are collected", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      yield* provider.create(id("1"), payload("1"), Duration.seconds(1))
      const expired = sessionFolder(directory)
      const foreign = [
        join(directory, "README"),
        join(directory, "tmp", "README"),
        join(directory, ".git", "config"),
        join(directory, "zz", "file"),
        join(directory, "00", "README"),
        join(directory, "00", "folder", "file"),
        join(directory, "00", "0".repeat(64), "file"),
        join(directory, "11", "1".repeat(64)),
        join(expired, "notes.txt"),
        join(expired, "head.txt"),
        join(expired, "data.1.2")
      ]
      for (const path of foreign) {
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, "mine")
        utimesSync(dirname(path), 0, 0)
      }
      yield* TestClock.adjust("1 hour")
      expect(yield* provider.gc!).toBe(1)
      expect(yield* provider.gc!).toBe(0)
      expect(filesIn(directory)).toEqual(foreign.toSorted())
      for (const path of foreign) {
        expect(readFileSync(path, "utf8")).toBe("mine")
      }
    })
  )

  it.effect("loses what a dead process left when it is an hour old, and not what another one is just making", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      yield* provider.create(id("1"), payload("1"), day)
      const unfinished = sessionFolder(directory)
      const [data, head] = filesIn(directory)
      rmSync(head!)
      yield* provider.gc!
      expect(existsSync(data!)).toBe(true)
      const anHourAgo = Date.now() / 1000 - 3601
      utimesSync(unfinished, anHourAgo, anHourAgo)
      expect(yield* provider.gc!).toBe(0)
      expect(existsSync(unfinished)).toBe(false)
    })
  )

  it.effect("has no session where a power failure left a part of one", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      yield* provider.create(id("1"), payload("1234567890"), Duration.hours(1))
      const [data, head] = filesIn(directory)
      for (const size of [lstatSync(data!).size - 1, 10, 0]) {
        truncateSync(data!, size)
        expect(yield* read(provider, "1")).toBe(undefined)
        expect(yield* ids(provider)).toEqual([])
      }
      rmSync(data!)
      expect(yield* read(provider, "1")).toBe(undefined)
      yield* provider.destroy(id("1"))
      expect(existsSync(head!)).toBe(false)
      yield* provider.create(id("1"), payload("again"), day)
      expect(yield* read(provider, "1")).toBe("again")
    })
  )
})

describe("symbolic links are not followed", () => {
  /** A provider on a directory with a link in it, to where the same session is in another one. */
  const planted = (plant: (root: string, session: string, elsewhere: string) => void) =>
    Effect.gen(function* () {
      const elsewhere = join(directory, "elsewhere")
      const other = yield* File.make({ directory: elsewhere })
      yield* other.create(id("1"), payload("1"), Duration.seconds(1))
      const { revision } = Option.getOrThrow(yield* other.read(id("1")))
      const root = join(directory, "root")
      const provider = yield* File.make({ directory: root })
      const session = join(root, relative(elsewhere, sessionFolder(elsewhere)))
      plant(root, session, elsewhere)
      return { elsewhere, other, provider, revision, session }
    })

  const untouched = ({ elsewhere, other, provider, revision }: Effect.Success<ReturnType<typeof planted>>) =>
    Effect.gen(function* () {
      const before = [...foldersIn(elsewhere), ...filesIn(elsewhere)]
      expect(yield* read(provider, "1")).toBe(undefined)
      expect(yield* provider.exists(id("1"))).toBe(false)
      expect((yield* provider.touch(id("1"), day))._tag).toBe("Gone")
      expect((yield* provider.write(id("1"), payload("2"), day, revision))._tag).toBe("Gone")
      expect(
        (yield* provider.regenerate({ oldId: id("1"), newId: id("2"), payload: payload("2"), ttl: day, revision }))._tag
      ).toBe("Gone")
      expect(yield* provider.count!).toBe(0)
      expect(yield* ids(provider)).toEqual([])
      yield* provider.destroy(id("1"))
      // Through a link there is no room for it; in its own folder there is.
      yield* Effect.result(provider.create(id("1"), payload("2"), day))
      yield* TestClock.adjust("1 hour")
      expect(yield* provider.gc!).toBe(0)
      expect([...foldersIn(elsewhere), ...filesIn(elsewhere)]).toEqual(before)
      expect(yield* other.gc!).toBe(1)
    })

  it.effect("for a shard", () =>
    Effect.gen(function* () {
      const links = yield* planted((_, session, elsewhere) => {
        symlinkSync(dirname(sessionFolder(elsewhere)), dirname(session))
      })
      yield* untouched(links)
      const error = yield* Effect.flip(links.provider.create(id("1"), payload("2"), day))
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toBe(
        "file: create failed (its folder was moved or replaced): let nothing else change the directory"
      )
    })
  )

  it.effect("for a session's folder", () =>
    Effect.gen(function* () {
      yield* untouched(
        yield* planted((_, session, elsewhere) => {
          mkdirSync(dirname(session))
          symlinkSync(sessionFolder(elsewhere), session)
        })
      )
    })
  )

  it.effect("for the whole directory, once it is in use", () =>
    Effect.gen(function* () {
      yield* untouched(
        yield* planted((root, _, elsewhere) => {
          renameSync(root, `${root}-moved`)
          symlinkSync(elsewhere, root)
        })
      )
    })
  )

  it.effect("for the data", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory: join(directory, "root") })
      yield* provider.create(id("1"), payload("1"), day)
      const [data] = filesIn(directory)
      const secret = join(directory, "secret")
      renameSync(data!, secret)
      symlinkSync(secret, data!)
      expect(yield* read(provider, "1")).toBe(undefined)
      yield* provider.destroy(id("1"))
      expect(existsSync(secret)).toBe(true)
    })
  )
})

describe("a directory that cannot be used", () => {
  it.effect("fails the build, and says what is wrong", () =>
    Effect.gen(function* () {
      const file = join(directory, "file")
      writeFileSync(file, "")
      const open = join(directory, "open")
      mkdirSync(open)
      chmodSync(open, 0o777)
      for (const [path, message] of [
        [file, "EEXIST"],
        [join(file, "below"), "ENOTDIR"],
        [open, "every user can write"],
        ["", "expected the path of a directory"],
        ["file:///var/sessions", "expected the path of a directory"],
        ["postgres://user:secret@host/app", "expected the path of a directory"],
        ["with\0nul", "control characters"]
      ] as const) {
        const error = yield* Effect.flip(File.make({ directory: path }))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toMatch(/^directory: /)
        expect(error.message).toContain(message)
      }
      const environment = ConfigProvider.fromEnvRecord({ SESSION_URL: file })
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(File.layerFromEnv)).pipe(Effect.provide(ConfigProvider.layer(environment)))
      )
      expect(error.toString()).toContain(`SESSION_URL: ${file}`)
    })
  )

  it.effect("fails operations with Unavailable where it breaks later, and works again when it is back", () =>
    Effect.gen(function* () {
      const sessions = join(directory, "sessions")
      const provider = yield* File.make({ directory: sessions })
      yield* provider.create(id("1"), payload("1"), day)
      renameSync(sessions, `${sessions}-away`)
      writeFileSync(sessions, "in the way")
      const error = yield* Effect.flip(provider.create(id("2"), payload("2"), day))
      expect([error.reason, error.message]).toEqual(["Unavailable", expect.stringContaining("file: create failed")])
      rmSync(sessions)
      renameSync(`${sessions}-away`, sessions)
      expect(yield* read(provider, "1")).toBe("1")
      expect((yield* provider.create(id("2"), payload("2"), day))._tag).toBe("Written")
    })
  )
})

describe("a disk that is slow", () => {
  it.live("holds up nothing else while ids are looked at whose sessions have ended, and while they are collected", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      const texts = ["1", "2", "3"]
      for (const text of texts) {
        yield* provider.create(id(text), payload(text), day)
        yield* provider.destroy(id(text), { content: payload("mark"), ttl: day })
      }
      const { readdirSync } = fs
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          fs.readdirSync = readdirSync
          syncBuiltinESMExports()
        })
      )
      const waits: Array<unknown> = []
      fs.readdirSync = ((...args: Parameters<typeof readdirSync>) => {
        waits.push(args[0])
        return readdirSync(...args)
      }) as typeof readdirSync
      syncBuiltinESMExports()
      for (const text of texts) {
        expect(yield* read(provider, text)).toBe(undefined)
        expect(Option.isSome(yield* provider.marked!(id(text)))).toBe(true)
      }
      expect(yield* provider.gc!).toBe(0)
      expect(waits).toEqual([])
    })
  )
})
