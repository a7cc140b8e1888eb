// Several processes on one directory, and what those leave in it that are killed.
import type { ChildProcess } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { afterEach, beforeEach, describe, expect, it } from "#test/vitest"
import { payload } from "../support/filePayload.js"
import { eventually } from "../support/raw.js"
import { soak } from "../support/soak.js"
import { ended, forever, kill, number, ready, times, writersOf } from "../support/writers.js"
import { filesIn } from "./fileNames.js"
import { lastOf } from "./marks.js"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "effect-session-file-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const day = Duration.days(1)
const id = "session" as SessionProvider.StoredId

const { writer } = writersOf("file")

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
        for (let kills = 0; kills < soak(30, 300); kills++) {
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
        for (let round = 0; round < soak(3, 30) || regenerated === 0; round++) {
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
