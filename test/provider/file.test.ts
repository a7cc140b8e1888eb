/**
 * The file provider: conformance, several processes, processes that are killed, and files that are not sessions.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type SessionError, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import { Conformance } from "effect-session/testing"
import { build } from "esbuild"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "effect-session-file-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

for (const fsync of [false, true]) {
  describe(fsync ? "file with fsync" : "file", () => {
    for (const { name, test } of Conformance.suite({
      layer: Layer.suspend(() => File.layer({ directory, fsync })),
      capabilities: SessionProvider.defaultCapabilities,
      optional: { count: true, ids: true, gc: true },
      pass: TestClock.adjust
    })) {
      it.effect(name, () => test)
    }
  })
}

const day = Duration.days(1)
const id = (n: number) => `session-${n}`.padStart(43, "0") as SessionProvider.StoredId
const payload = (n: number) => Buffer.from(`${n} `.repeat(2_000))

/** The number that a payload holds; fails where the payload is torn. */
const numberIn = (stored: Option.Option<SessionProvider.Stored>): number => {
  const text = Buffer.from(Option.getOrThrow(stored).payload).toString()
  const n = Number.parseInt(text, 10)
  expect(text).toBe(payload(n).toString())
  return n
}

/** The writer in one file, which starts ten times as fast as through a TypeScript loader. */
const program = join(mkdtempSync(join(tmpdir(), "effect-session-writer-")), "writer.mjs")
beforeAll(() =>
  build({
    entryPoints: [fileURLToPath(new URL("fileWriter.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent"
  })
)
afterAll(() => rmSync(join(program, ".."), { recursive: true }))

const writer = (...args: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [program, directory, ...args], { stdio: ["ignore", "pipe", "inherit"] })

const ready = (child: ChildProcess) => Effect.promise(() => once(child.stdout!, "data"))

const kill = (child: ChildProcess) =>
  Effect.promise(async () => {
    const exited = once(child, "exit")
    child.kill("SIGKILL")
    await exited
  })

const files = (path: string): ReadonlyArray<string> =>
  readdirSync(path, { withFileTypes: true, recursive: true }).map((entry) => join(entry.parentPath, entry.name))

describe("several processes on one directory", () => {
  it.live(
    "count every update",
    () =>
      Effect.gen(function* () {
        const provider = yield* File.make({ directory })
        yield* provider.create(id(1), payload(0), day)
        const children = Array.from({ length: 4 }, () => writer("count", id(1), "100"))
        const codes = yield* Effect.promise(() =>
          Promise.all(children.map(async (child) => (await once(child, "exit"))[0]))
        )
        expect(codes).toEqual([0, 0, 0, 0])
        expect(numberIn(yield* provider.read(id(1)))).toBe(400)
        // One content and one head: nothing is left of those that lost.
        expect(files(directory).filter((path) => lstatSync(path).isFile()).length).toBe(2)
      }),
    60_000
  )
})

describe("kill -9", () => {
  it.live(
    "of a process that writes leaves the session whole, old or new, 200 times",
    () =>
      Effect.gen(function* () {
        const provider = yield* File.make({ directory })
        yield* provider.create(id(1), payload(0), day)
        const start = Effect.forEach(
          Array.from({ length: 8 }),
          () =>
            Effect.tap(
              Effect.sync(() => writer("forever", id(1))),
              ready
            ),
          { concurrency: "unbounded" }
        )
        let last = 0
        let children: Array<ChildProcess> = []
        for (let kills = 0; kills < 200; kills++) {
          if (children.length === 0) {
            children = yield* start
          }
          yield* Effect.sleep(Math.random() * 8)
          yield* kill(children.pop()!)
          const n = numberIn(yield* provider.read(id(1)))
          expect(n).toBeGreaterThanOrEqual(last)
          last = n
        }
        yield* Effect.forEach(children, kill)
        expect(last).toBeGreaterThan(200)
        // And it still takes a write.
        const stored = Option.getOrThrow(yield* provider.read(id(1)))
        expect((yield* provider.write(id(1), payload(1), day, stored.revision))._tag).toBe("Written")
      }),
    180_000
  )

  it.live(
    "of a process that regenerates leaves one whole session that can be used",
    () =>
      Effect.gen(function* () {
        const provider = yield* File.make({ directory })
        for (let round = 0; round < 12; round++) {
          yield* provider.create(id(round), payload(0), day)
          const child = writer("regenerate", id(round))
          yield* ready(child)
          yield* Effect.sleep(20 + Math.random() * 60)
          yield* kill(child)
          const ids = Chunk.toReadonlyArray(yield* Stream.runCollect(provider.ids!))
          const stored = yield* Effect.forEach(ids, (id) => provider.read(id))
          const numbers = stored.map(numberIn).sort((a, b) => a - b)
          // The one it was killed in: the old, whole, and perhaps the new, whose id nobody was told.
          expect(numbers.length).toBeGreaterThanOrEqual(1)
          expect(numbers.length).toBeLessThanOrEqual(2)
          expect(numbers.at(-1)! - numbers[0]!).toBeLessThanOrEqual(1)
          yield* Effect.forEach(ids, (id) => provider.destroy(id))
        }
      }),
    120_000
  )
})

describe("what is on the disk", () => {
  it.effect("is for this user alone", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory: join(directory, "new", "folder") })
      yield* provider.create(id(1), payload(1), day)
      for (const path of files(join(directory, "new"))) {
        const stat = lstatSync(path)
        expect([path, (stat.mode & 0o777).toString(8)]).toEqual([path, stat.isDirectory() ? "700" : "600"])
      }
    })
  )

  it.effect("is removed by garbage collection only where it is a session", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      yield* provider.create(id(1), payload(1), Duration.seconds(1))
      yield* provider.create(id(2), payload(2), Duration.seconds(1))
      const [first, second] = files(directory).filter((path) => /\/30\/[0-9a-f]+$/.test(path))
      const foreign = [
        join(directory, "README"),
        join(directory, "30", "README"),
        join(directory, "tmp", "README"),
        join(directory, ".git", "config"),
        join(directory, "zz", "file"),
        join(second!, "notes.txt")
      ]
      for (const path of foreign) {
        mkdirSync(join(path, ".."), { recursive: true })
        writeFileSync(path, "mine")
      }
      yield* TestClock.adjust("1 hour")
      expect(yield* provider.gc!).toBe(1)
      expect(existsSync(first!) && existsSync(second!)).toBe(false)
      for (const path of foreign) {
        expect(readFileSync(path, "utf8")).toBe("mine")
      }
    })
  )

  it.effect("is never reached through a symlink", () =>
    Effect.gen(function* () {
      const elsewhere = join(directory, "elsewhere")
      const other = yield* File.make({ directory: elsewhere })
      yield* other.create(id(1), payload(1), Duration.seconds(1))
      const [shard, session] = [join(elsewhere, "30"), files(elsewhere).find((path) => /\/30\/[0-9a-f]+$/.test(path))!]
      const plant = (name: string, make: (root: string) => void) =>
        Effect.gen(function* () {
          const root = join(directory, name)
          mkdirSync(join(root, "30"), { recursive: true })
          make(root)
          const provider = yield* File.make({ directory: root })
          expect(Option.isNone(yield* provider.read(id(1))), `${name}: read`).toBe(true)
          expect((yield* provider.touch(id(1), day))._tag, `${name}: touch`).toBe("Gone")
          expect(yield* provider.count!, `${name}: count`).toBe(0)
          return provider
        })
      const planted = [
        yield* plant("shard", (root) => {
          rmSync(join(root, "30"), { recursive: true })
          symlinkSync(shard, join(root, "30"))
        }),
        yield* plant("session", (root) => symlinkSync(session, session.replace(elsewhere, root))),
        yield* plant("content", (root) => {
          const folder = session.replace(elsewhere, root)
          mkdirSync(folder)
          for (const name of readdirSync(session)) {
            symlinkSync(join(session, name), join(folder, name))
          }
        })
      ]
      yield* TestClock.adjust("1 hour")
      yield* Effect.forEach(planted, (provider) => provider.gc!)
      expect(readdirSync(session).length).toBe(2)
    })
  )
})

describe("a directory that cannot be used", () => {
  it.effect("fails the build, and says what is wrong", () =>
    Effect.gen(function* () {
      const file = join(directory, "file")
      writeFileSync(file, "")
      for (const [path, code] of [
        [file, "EEXIST|ENOTDIR"],
        [join(file, "below"), "ENOTDIR"]
      ] as const) {
        const error = yield* Effect.flip(File.make({ directory: path }))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toMatch(new RegExp(`^directory: .*(${code})`))
      }
    })
  )

  it.effect("fails operations with Unavailable where it breaks later, and works again when it is back", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory: join(directory, "sessions") })
      yield* provider.create(id(1), payload(1), day)
      const tmp = join(directory, "sessions", "tmp")
      rmSync(tmp, { recursive: true })
      writeFileSync(tmp, "in the way")
      const error: SessionError = yield* Effect.flip(provider.create(id(2), payload(2), day))
      expect([error.reason, error.message]).toEqual([
        "Unavailable",
        expect.stringContaining("file: create failed (ENOTDIR)")
      ])
      expect(numberIn(yield* provider.read(id(1)))).toBe(1)
      rmSync(tmp)
      mkdirSync(tmp)
      expect((yield* provider.create(id(2), payload(2), day))._tag).toBe("Written")
    })
  )
})
