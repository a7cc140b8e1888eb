import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { afterEach, beforeEach, describe, expect, it } from "#test/vitest"
import { written } from "../../src/testing/support.js"
import { payload } from "../support/filePayload.js"
import { number, writersOf } from "../support/writers.js"
import { conformsByClock } from "./conforms.js"
import { filesIn } from "./fileNames.js"

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

const { limitedWriter } = writersOf("file")

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
