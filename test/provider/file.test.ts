import type { ChildProcess } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { afterEach, beforeEach, describe, expect, it } from "#test/vitest"
import { written } from "../../src/testing/support.js"
import { payload } from "../support/filePayload.js"
import { eventually } from "../support/raw.js"
import { soak } from "../support/soak.js"
import { ended, forever, kill, number, ready, times, writersOf } from "../support/writers.js"
import { conformsByClock } from "./conforms.js"
import { filesIn } from "./fileNames.js"
import { lastOf } from "./marks.js"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "effect-session-file-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

for (const fsync of [false, true]) {
  describe(fsync ? "file with fsync" : "file", () => {
    conformsByClock({
      layer: Layer.suspend(() => File.layer({ directory, fsync })),
      capabilities: SessionProvider.defaultCapabilities,
      optional: { count: true, list: true, gc: true, marked: true, principals: true }
    })
  })
}

const day = Duration.days(1)
const id = "session" as SessionProvider.StoredId

const { limitedWriter, writer } = writersOf("file")

describe("several processes on one directory", () => {
  it.live(
    "count every update",
    () =>
      Effect.gen(function* () {
        const provider = yield* File.make({ directory })
        yield* provider.create(id, payload(0), day)
        const children = times(4, () => writer(directory, "write", id, "100"))
        const codes = yield* Effect.forEach(children, ended, { concurrency: "unbounded" })
        expect(codes).toEqual([0, 0, 0, 0])
        expect(number(yield* provider.read(id))).toBe(400)
        // One head and its data: nothing is left of those that lost.
        expect(filesIn(directory).map((path) => path.slice(directory.length).split(/[/.]/)[3])).toEqual([
          "data",
          "head"
        ])
      }),
    60_000
  )

  it.live(
    "never make a session look gone that others write all the time, however slow the reader",
    () =>
      Effect.gen(function* () {
        const provider = yield* File.make({ directory })
        yield* provider.create(id, payload(0), day)
        yield* Effect.forEach(
          times(3, () => writer(directory, "write", id, forever)),
          ready,
          { concurrency: "unbounded" }
        )
        const numbers = yield* Effect.forEach(
          times(soak(8_000, 8_000), () => provider.read(id)),
          Effect.map(number),
          {
            concurrency: 1_000
          }
        )
        expect(new Set(numbers).size).toBeGreaterThan(20)
        for (let round = 0; round < 50; round++) {
          expect((yield* provider.touch(id, day))._tag).toBe("Touched")
        }
        yield* provider.destroy(id)
        expect(yield* provider.exists(id)).toBe(false)
      }),
    60_000
  )
})

describe("kill -9", () => {
  it.live(
    "of a process that writes leaves the session whole, old or new, each time",
    () =>
      Effect.gen(function* () {
        const provider = yield* File.make({ directory })
        yield* provider.create(id, payload(0), day)
        let last = 0
        let children: Array<ChildProcess> = []
        for (let kills = 0; kills < soak(60, 300); kills++) {
          if (children.length === 0) {
            children = times(8, () => writer(directory, "write", id, forever)) as Array<ChildProcess>
            yield* Effect.forEach(children, ready, { concurrency: "unbounded" })
          }
          yield* Effect.sleep(Math.random() * 8)
          yield* kill(children.pop()!)
          const n = number(yield* provider.read(id))
          expect(n).toBeGreaterThanOrEqual(last)
          last = n
        }
        yield* Effect.forEach(children, kill)
        expect(last).toBeGreaterThan(0)
        // It still takes writes, and the second of them has removed what the dead left.
        for (const n of [1, 2]) {
          const { revision } = Option.getOrThrow(yield* provider.read(id))
          expect((yield* provider.write(id, payload(n), day, revision))._tag).toBe("Written")
        }
        yield* eventually(() => filesIn(directory).length === 2)
        expect(filesIn(directory).length).toBe(2)
      }),
    180_000
  )

  it.live(
    "of a process that regenerates leaves one whole session, under the old id or the new, each time",
    () =>
      Effect.gen(function* () {
        let regenerated = 0
        // On a busy machine the first ones may all be killed before they have done anything.
        for (let round = 0; round < soak(6, 30) || regenerated === 0; round++) {
          yield* Effect.forEach(
            times(10, (i) => join(directory, `${round}-${i}`)),
            (own) =>
              Effect.gen(function* () {
                mkdirSync(own, { mode: 0o700 })
                const provider = yield* File.make({ directory: own })
                yield* provider.create(id, payload(0), day)
                const child = writer(own, "regenerate", id)
                yield* ready(child)
                yield* Effect.sleep(5 + Math.random() * 60)
                yield* kill(child)
                const ids = Array.from(yield* Stream.runCollect(provider.list!))
                expect(ids.length).toBe(1)
                expect(yield* provider.count!).toBe(1)
                expect(yield* lastOf(provider, id)).toBe(ids[0])
                regenerated += number(yield* provider.read(ids[0]!))
              }),
            { concurrency: "unbounded" }
          )
        }
      }),
    180_000
  )
})

describe("a disk that takes no more", () => {
  it.live("fails what does not fit with Unavailable, keeps the session and nothing else, and takes what fits", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      yield* provider.create(id, payload(0), day)
      // The limit on a file's size breaks a write in the middle, as a full disk does.
      const child = limitedWriter(64, directory, "tooMuch", id)
      const output = yield* Effect.promise(() => text(child.stdout!))
      const failed = (operation: string) => `Unavailable: file: ${operation} failed (EFBIG)`
      expect(output.trim().split("\n")).toEqual([
        "ready",
        failed("write"),
        failed("create"),
        failed("regenerate"),
        "Written"
      ])
      expect(number(yield* provider.read(id))).toBe(1)
      expect(yield* provider.count!).toBe(1)
      expect(filesIn(directory).length).toBe(2)
    })
  )
})

describe("a new id that is taken", () => {
  it.effect("fails the move, which can be tried again with another, and leaves both sessions as they are", () =>
    Effect.gen(function* () {
      const provider = yield* File.make({ directory })
      const taken = "taken" as SessionProvider.StoredId
      const { revision } = written(yield* provider.create(id, payload(1), day))
      yield* provider.create(taken, payload(2), day)
      const error = yield* Effect.flip(
        provider.regenerate({ oldId: id, newId: taken, payload: payload(3), ttl: day, revision })
      )
      expect(error.message).toBe("file: regenerate failed (the new id is taken): try again")
      expect([number(yield* provider.read(id)), number(yield* provider.read(taken))]).toEqual([1, 2])
    })
  )
})
