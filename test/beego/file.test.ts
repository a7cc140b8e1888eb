import type { ChildProcess } from "node:child_process"
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { SessionProvider } from "effect-session"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { afterEach, beforeEach, describe, expect, it, vi } from "#test/vitest"
import * as BeegoFile from "../../src/beego/layouts/file.js"
import * as SessionFile from "../../src/beego/layouts/sessionFile.js"
import { text, written } from "../../src/testing/support.js"
import { conformsByClock } from "../provider/conforms.js"
import { filesIn, foldersIn } from "../provider/fileNames.js"
import { payload } from "../support/filePayload.js"
import { soak } from "../support/soak.js"
import { ended, forever, kill, number, ready, times, writersOf } from "../support/writers.js"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "effect-session-beego-file-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const hour = Duration.hours(1)
const day = Duration.days(1)
const id = "0123456789abcdef0123456789abcdef" as SessionProvider.StoredId
const fileOf = (id: string) => join(directory, id[0]!, id[1]!, id)

const make = (maxLifetime: Duration.Duration = hour) => BeegoFile.make({ directory, maxLifetime })

describe("conformance", () => {
  conformsByClock(
    {
      layer: Layer.suspend(() => BeegoFile.layer({ directory, maxLifetime: hour })),
      capabilities: {
        ...SessionProvider.defaultCapabilities,
        consistency: "compareContent",
        regenerate: "ordered",
        expirySlack: 16
      },
      optional: { count: true, list: true, gc: true, marked: false, principals: false }
    },
    { before: () => TestClock.setTime(Date.now()) }
  )
})

interface Vector {
  readonly sid: string
  readonly path: string
  readonly hex: string
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("../data/beego/vectors.json", import.meta.url), "utf8")
).files

describe("the directory as beego has it", () => {
  it.live("what beego left is read, empty files as empty sessions", () =>
    Effect.gen(function* () {
      cpSync(new URL("../data/beego/files", import.meta.url), directory, { recursive: true })
      for (const { path } of vectors) {
        utimesSync(join(directory, path), Date.now() / 1000 - 60, Date.now() / 1000 - 60)
      }
      const provider = yield* make()
      for (const { hex, sid } of vectors) {
        const stored = Option.getOrThrow(yield* provider.read(sid as SessionProvider.StoredId))
        expect(Buffer.from(stored.payload).toString("hex")).toBe(hex)
        expect(Math.abs(stored.expiresAt - (Date.now() + 3_540_000))).toBeLessThan(5_000)
        written(yield* provider.write(sid as SessionProvider.StoredId, Buffer.from("changed"), hour, stored.revision))
      }
      const ids = Array.from(yield* Stream.runCollect(provider.list!))
      expect([...ids].sort()).toEqual(vectors.map(({ sid }) => sid).sort())
      expect(yield* provider.count!).toBe(vectors.length)
    })
  )

  it.live("a session is the file that beego makes of it, for this user alone, and nothing else is left", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      const { revision } = written(yield* provider.create(id, Buffer.from("created"), hour))
      written(yield* provider.write(id, Buffer.from("written"), hour, revision))
      yield* provider.touch(id, hour)
      expect(filesIn(directory)).toEqual([fileOf(id)])
      expect(readFileSync(fileOf(id), "utf8")).toBe("written")
      expect(lstatSync(fileOf(id)).mode & 0o777).toBe(0o600)
      expect(Math.abs(lstatSync(fileOf(id)).mtimeMs - Date.now())).toBeLessThan(2_000)
      for (const folder of foldersIn(directory)) {
        expect([folder, lstatSync(folder).mode & 0o777]).toEqual([folder, 0o700])
      }
      // The last of all folders, so that beego's garbage collection has been everywhere when it gets there.
      expect(foldersIn(directory).map((path) => relative(directory, path))).toEqual(["0", "0/1", "~effect-session"])
      const next = "f".repeat(32) as SessionProvider.StoredId
      const stored = Option.getOrThrow(yield* provider.read(id))
      written(
        yield* provider.regenerate({
          oldId: id,
          newId: next,
          payload: Buffer.from("moved"),
          ttl: hour,
          revision: stored.revision
        })
      )
      expect(filesIn(directory)).toEqual([fileOf(next)])
      yield* provider.destroy(next)
      expect(filesIn(directory)).toEqual([])
    })
  )

  it.live("gc removes sessions that have expired, and nothing else, however old", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      const other = "0123ffffffffffffffffffffffffffff" as SessionProvider.StoredId
      written(yield* provider.create(id, Buffer.from("old"), hour))
      written(yield* provider.create(other, Buffer.from("live"), hour))
      const strangers = [
        "README",
        "0/README",
        "0/1/readme.txt",
        "0/1/abcdef",
        "0/1/.hidden",
        "0/1/01/0123",
        "ab/cd/abcd"
      ]
      for (const path of strangers) {
        mkdirSync(join(directory, path, ".."), { recursive: true })
        writeFileSync(join(directory, path), "kept")
      }
      symlinkSync(join(directory, "README"), join(directory, "0/1/01aa"))
      mkdirSync(join(directory, "0/1/01bb"))
      for (const path of [...filesIn(directory).filter((path) => !path.endsWith(other)), join(directory, "0/1/01bb")]) {
        utimesSync(path, 1_000, 1_000)
      }
      expect(yield* provider.count!).toBe(1)
      expect(yield* provider.gc!).toBe(1)
      expect(yield* provider.gc!).toBe(0)
      expect(existsSync(fileOf(id))).toBe(false)
      expect(text(yield* provider.read(other))).toBe("live")
      for (const path of [...strangers, "0/1/01aa", "0/1/01bb"]) {
        expect([path, existsSync(join(directory, path))]).toEqual([path, true])
      }
    })
  )

  it.live("follows no symbolic link", () =>
    Effect.gen(function* () {
      const outside = mkdtempSync(join(tmpdir(), "effect-session-outside-"))
      const provider = yield* make()
      written(yield* provider.create(id, Buffer.from("inside"), hour))
      const { revision } = Option.getOrThrow(yield* provider.read(id))
      // The session's file, then its folder, then the folder above it.
      for (const path of [fileOf(id), join(directory, "0/1"), join(directory, "0")]) {
        const target = join(outside, path.length.toString())
        renameSync(path, target)
        symlinkSync(target, path)
        expect(Option.isNone(yield* provider.read(id))).toBe(true)
        expect((yield* provider.touch(id, hour))._tag).toBe("Gone")
        expect((yield* provider.write(id, Buffer.from("x"), hour, revision))._tag).toBe("Gone")
        yield* provider.destroy(id)
        expect(yield* provider.count!).toBe(0)
        unlinkSync(path)
        renameSync(target, path)
        expect(text(yield* provider.read(id))).toBe("inside")
      }
      symlinkSync(outside, join(directory, "z"))
      const result = yield* Effect.flip(provider.create("zz000000" as SessionProvider.StoredId, Buffer.from("x"), hour))
      expect(result.reason).toBe("Unavailable")
      expect(result.message).toContain("file: create failed (its folder was moved or replaced)")
      expect(readdirSync(outside)).toEqual([])
      rmSync(outside, { recursive: true })
    })
  )

  it.live("refuses a directory that every user can write in, and a lifetime that is none", () =>
    Effect.gen(function* () {
      const open = join(directory, "open")
      mkdirSync(open)
      chmodSync(open, 0o777)
      const options: ReadonlyArray<[BeegoFile.Options, string]> = [
        [{ directory: open, maxLifetime: hour }, "directory"],
        [{ directory: "", maxLifetime: hour }, "directory"],
        [{ directory, maxLifetime: 0 }, "maxLifetime"]
      ]
      for (const [option, name] of options) {
        const error = yield* Effect.flip(BeegoFile.make(option))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toContain(name)
      }
    })
  )
})

describe("a file that beego is writing", () => {
  /** Cuts the file and, after a while, writes it. */
  const rewrite = (path: string, content: string, millis: number, between: (fd: number) => void = () => {}) => {
    const fd = openSync(path, "r+")
    ftruncateSync(fd, 0)
    between(fd)
    return Effect.forkChild(
      Effect.andThen(
        Effect.sleep(millis),
        Effect.sync(() => {
          writeSync(fd, content)
          closeSync(fd)
        })
      )
    )
  }

  it.live("is read when it has been written, and so it is when its times do not tell yet that it was cut", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      written(yield* provider.create(id, Buffer.from("before"), hour))
      const { mtimeNs } = lstatSync(fileOf(id), { bigint: true })
      yield* rewrite(fileOf(id), "after", 10)
      expect(text(yield* provider.read(id))).toBe("after")
      // ext4 has the size of nothing for a moment, and still the old times.
      yield* rewrite(fileOf(id), "later", 10, (fd) => futimesSync(fd, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9))
      expect(text(yield* provider.read(id))).toBe("later")
    })
  )

  it.live("is renewed when it has been written, and not mistaken for one of ours", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      written(yield* provider.create(id, Buffer.from("before"), hour))
      yield* rewrite(fileOf(id), "after", 10)
      const [touched, read] = yield* Effect.all([provider.touch(id, hour), provider.read(id)], { concurrency: 2 })
      expect(touched._tag).toBe("Touched")
      expect(text(read)).toBe("after")
    })
  )

  it.live("is an empty session when nothing comes", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      const { revision } = written(yield* provider.create(id, Buffer.from("before"), hour))
      yield* rewrite(fileOf(id), "", 0)
      expect((yield* provider.write(id, Buffer.from("x"), hour, revision))._tag).toBe("Conflict")
      expect(text(yield* provider.read(id))).toBe("")
    })
  )
})

describe("locks", () => {
  const work = () => join(directory, "~effect-session")
  const place = () => ({ path: fileOf(id), folder: join(fileOf(id), ".."), lock: join(work(), id) })

  it.live("one whose holder is dead lasts for a second", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      const { revision } = written(yield* provider.create(id, Buffer.from("1"), hour))
      mkdirSync(place().lock)
      writeFileSync(join(place().lock, "of-the-dead"), "never published")
      const [time, result] = yield* Effect.timed(provider.write(id, Buffer.from("2"), hour, revision))
      written(result)
      expect(Duration.toMillis(time)).toBeGreaterThan(900)
      expect(Duration.toMillis(time)).toBeLessThan(4_000)
      expect(text(yield* provider.read(id))).toBe("2")
      expect(filesIn(directory)).toEqual([fileOf(id)])
    })
  )

  it.live("a holder that was taken for dead changes nothing any more", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      written(yield* provider.create(id, Buffer.from("1"), hour))
      let looks = 0
      const outcome = yield* Effect.promise(() =>
        SessionFile.change(work(), place(), { payload: Buffer.from("late"), written: Date.now() }, (found) => {
          if (++looks === 2) {
            // It has the lock now, and is held up here: another one breaks the lock and changes the session.
            rmSync(place().lock, { recursive: true })
            writeFileSync(fileOf(id), "2")
          }
          return Buffer.from(found!.payload).toString() === "1" ? undefined : "changed"
        })
      )
      expect(looks).toBe(3)
      expect(outcome).toBe("changed")
      expect(text(yield* provider.read(id))).toBe("2")
    })
  )

  /** Calls `f` again and again, with 300 ms from one call to the next by the clock that locks are measured with. */
  const hurried = (f: () => void) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        let time = performance.now()
        const clock = vi.spyOn(performance, "now").mockImplementation(() => time)
        const timer = setInterval(() => {
          f()
          time += 300
        }, 10)
        return { clock, timer }
      }),
      ({ clock, timer }) =>
        Effect.sync(() => {
          clearInterval(timer)
          clock.mockRestore()
        })
    )

  const change = () =>
    SessionFile.change(work(), place(), { payload: Buffer.from("2"), written: Date.now() }, () => undefined)

  it.live("one that passes from holder to holder is waited for, however long", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      written(yield* provider.create(id, Buffer.from("1"), hour))
      mkdirSync(place().lock)
      writeFileSync(join(place().lock, "0"), "")
      let holder = 0
      yield* hurried(() => {
        if (holder < 60) {
          writeFileSync(join(place().lock, `${holder + 1}`), "")
          unlinkSync(join(place().lock, `${holder++}`))
        } else if (holder === 60) {
          holder++
          rmSync(place().lock, { recursive: true })
        }
      })
      expect(yield* Effect.promise(change)).toBe("done")
      expect(holder).toBe(61)
    })
  )

  it.live("one that cannot be broken is given up", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      written(yield* provider.create(id, Buffer.from("1"), hour))
      mkdirSync(join(place().lock, "no-file"), { recursive: true })
      yield* hurried(() => {})
      const error = yield* Effect.flip(Effect.tryPromise({ try: change, catch: (cause) => cause as Error }))
      expect(error.message).toBe("another process keeps the session locked")
      expect(text(yield* provider.read(id))).toBe("1")
    })
  )

  it.live("what the dead left is removed an hour later", () =>
    Effect.gen(function* () {
      const provider = yield* make()
      written(yield* provider.create(id, Buffer.from("1"), hour))
      for (const [name, age] of [
        ["old.new", 2],
        ["young.new", 0]
      ] as const) {
        mkdirSync(join(work(), name))
        writeFileSync(join(work(), name, "file"), "left")
        utimesSync(join(work(), name), Date.now() / 1000 - age * 3600, Date.now() / 1000 - age * 3600)
      }
      yield* provider.gc!
      expect(readdirSync(work())).toEqual(["young.new"])
    })
  )
})

const { writer } = writersOf("beego")

describe("several processes on one directory", () => {
  it.live(
    "count every update",
    () =>
      Effect.gen(function* () {
        const provider = yield* make(day)
        yield* provider.create(id, payload(0), day)
        const children = times(4, () => writer(directory, "write", id, "100"))
        const codes = yield* Effect.forEach(children, ended, { concurrency: "unbounded" })
        expect(codes).toEqual([0, 0, 0, 0])
        expect(number(yield* provider.read(id))).toBe(400)
        expect(filesIn(directory)).toEqual([fileOf(id)])
      }),
    60_000
  )

  it.live(
    "never read what beego has not finished writing, nor write it back",
    () =>
      Effect.gen(function* () {
        const provider = yield* make(day)
        yield* provider.create(id, payload(0), day)
        const beego = writer(directory, "asBeego", id)
        yield* ready(beego)
        const seen = new Set<number>()
        // On a busy machine the writer may be stopped in the middle for so long that a call gives up.
        const patiently = Effect.retry({ times: 20 })
        for (let i = 0; seen.size < 50; i++) {
          const stored = yield* patiently(provider.read(id))
          const n = number(stored)
          seen.add(n)
          if (i % 10 === 0) {
            // beego may overwrite it; but what it then counts on from is a whole number.
            yield* patiently(provider.write(id, payload(n + 1_000), day, Option.getOrThrow(stored).revision))
            yield* patiently(provider.touch(id, day))
          }
        }
        expect(beego.exitCode).toBe(null)
        yield* kill(beego)
      }),
    60_000
  )
})

describe("kill -9", () => {
  it.live(
    "of a process that writes leaves the session whole, old or new, and no lock that lasts",
    () =>
      Effect.gen(function* () {
        const provider = yield* make(day)
        yield* provider.create(id, payload(0), day)
        let last = 0
        let children: Array<ChildProcess> = []
        for (let kills = 0; kills < soak(12, 30); kills++) {
          if (children.length < 2) {
            const more = times(3, () => writer(directory, "write", id, forever))
            yield* Effect.forEach(more, ready, { concurrency: "unbounded" })
            children = [...children, ...more]
          }
          yield* Effect.sleep(Math.random() * 8)
          yield* kill(children.pop()!)
          // Whatever lock the dead one holds, those that are left go on.
          const before = number(yield* provider.read(id))
          expect(before).toBeGreaterThanOrEqual(last)
          do {
            yield* Effect.sleep("5 millis")
            last = number(yield* provider.read(id))
          } while (last === before)
        }
        yield* Effect.forEach(children, kill)
      }),
    240_000
  )

  it.live(
    "of a process that regenerates leaves the session under the old id or the new, each time",
    () =>
      Effect.gen(function* () {
        let regenerated = 0
        for (let round = 0; round < soak(6, 30); round++) {
          yield* Effect.forEach(
            times(10, (i) => join(directory, `own-${round}-${i}`)),
            (own) =>
              Effect.gen(function* () {
                mkdirSync(own, { mode: 0o700 })
                const provider = yield* BeegoFile.make({ directory: own, maxLifetime: day })
                yield* provider.create(id, payload(0), day)
                const child = writer(own, "regenerate", id)
                yield* ready(child)
                yield* Effect.sleep(5 + Math.random() * 60)
                yield* kill(child)
                const ids = Array.from(yield* Stream.runCollect(provider.list!))
                const numbers = yield* Effect.forEach(ids, (id) => Effect.map(provider.read(id), number))
                // Killed between its two steps: the successor is there, under an id that nobody was told, and so is the old one.
                expect([1, 2]).toContain(ids.length)
                regenerated += Math.max(...numbers)
              }),
            { concurrency: "unbounded" }
          )
        }
        expect(regenerated).toBeGreaterThan(0)
      }),
    240_000
  )
})
