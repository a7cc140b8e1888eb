/**
 * Marks on disk, while several changes of one session are about to leave theirs: only one of them counts.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { afterEach, beforeEach, expect, it } from "#test/vitest"
import { encode } from "../../src/Provider/file/sessionData.js"
import { markName } from "../../src/Provider/file/sessionFolder.js"
import { filesIn, foldersIn } from "./fileNames.js"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "effect-session-file-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const day = Duration.days(1)
const id = (text: string) => text as SessionProvider.StoredId
const mark = { content: Buffer.from("won"), ttl: day }

/** Leaves another mark in the folder of a session, as a change does before it comes too late, and returns the file. */
const another = (folder: string, text: string, i: number) => {
  const file = join(folder, markName(`00000000-0000-4000-8000-00000000000${i}`, Date.now() + 1e9))
  writeFileSync(file, encode(JSON.stringify(text), Buffer.from("lost")), { mode: 0o600 })
  return file
}

const folderOf = () => foldersIn(directory).find((path) => /\/[0-9a-f]{64}$/.test(path))!

it.live("a change that came too late may take some time to remove its mark: meanwhile none is read", () =>
  Effect.gen(function* () {
    const provider = yield* File.make({ directory })
    yield* provider.create(id("one"), Buffer.from("1"), day)
    const folder = folderOf()
    yield* provider.destroy(id("one"), mark)
    const others = [1, 2, 3, 4, 5, 6].map((i) => another(folder, "one", i))
    const [found] = yield* Effect.all(
      [
        provider.marked!(id("one")),
        Effect.delay(
          Effect.sync(() => {
            for (const file of others) rmSync(file)
          }),
          "200 millis"
        )
      ],
      { concurrency: "unbounded" }
    )
    expect(Option.getOrThrow(found).toString()).toBe("won")
  })
)

it.live("a change removes the mark that a dead process has left meanwhile", () =>
  Effect.gen(function* () {
    const provider = yield* File.make({ directory })
    const { revision } = (yield* provider.create(id("one"), Buffer.from("1"), day)) as SessionProvider.Written
    const folder = folderOf()
    const moving = provider.regenerate({
      oldId: id("one"),
      newId: id("two"),
      payload: Buffer.from("2"),
      ttl: day,
      revision,
      mark
    })
    // When the change has listed the folder already, whatever it does next.
    const dying = Effect.sync(() => {
      another(folder, "one", 1)
    })
    const [moved] = yield* Effect.all([moving, Effect.andThen(Effect.yieldNow, dying)], { concurrency: "unbounded" })
    expect(moved._tag).toBe("Written")
    expect(Option.getOrThrow(yield* provider.marked!(id("one"))).toString()).toBe("won")
    expect(filesIn(folder)).toHaveLength(1)
  })
)
