/**
 * A process that uses a directory of beego's file sessions, for tests with several: `node fileWriter.mjs <directory> <what> <id> [n]`.
 * It says `ready` before it begins. `write` writes the next number, `n` times; `regenerate` moves the session to new ids, for ever;
 * `beego` reads the file as it is and writes the next number into it as beego does, for ever.
 */

import { randomBytes } from "node:crypto"
import { closeSync, ftruncateSync, openSync, readFileSync, utimesSync, writeSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SessionProvider } from "effect-session"
import * as BeegoFile from "../../src/beego/layouts/file.js"
import { numberIn, payload } from "../provider/filePayload.js"

const [directory = "", command = "", name = "", n = "0"] = process.argv.slice(2)
const id = name as SessionProvider.StoredId
const day = Duration.days(1)

const write = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    for (let done = 0; done < Number(n); ) {
      const { payload: last, revision } = Option.getOrThrow(yield* provider.read(id))
      const result = yield* provider.write(id, payload(numberIn(last) + 1), day, revision)
      done += result._tag === "Written" ? 1 : 0
    }
  })

const regenerate = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    for (let at = id; ; ) {
      const { payload: last, revision } = Option.getOrThrow(yield* provider.read(at))
      const next = randomBytes(16).toString("hex") as SessionProvider.StoredId
      const result = yield* provider.regenerate({
        oldId: at,
        newId: next,
        payload: payload(numberIn(last) + 1),
        ttl: day,
        revision
      })
      at = result._tag === "Written" ? next : at
    }
  })

/** SessionRead, which gives the file the time of now, and SessionRelease, which cuts it and writes it: with a pause between the two. */
const beego = () =>
  Effect.promise(async () => {
    const path = `${directory}/${id[0]}/${id[1]}/${id}`
    for (;;) {
      utimesSync(path, new Date(), new Date())
      const next = payload(numberIn(readFileSync(path)) + 1)
      const fd = openSync(path, "r+")
      ftruncateSync(fd, 0)
      await sleep(Math.random() * 15)
      writeSync(fd, next)
      closeSync(fd)
      await sleep(Math.random() * 60)
    }
  })

const commands = { write, regenerate, beego }

await Effect.runPromise(
  Effect.flatMap(BeegoFile.make({ directory, maxLifetime: day }), (provider) => {
    console.log("ready")
    return commands[command as keyof typeof commands](provider)
  })
)
