/**
 * A process that uses a directory of file sessions, for tests with several processes: `node fileWriter.mjs file|beego
 * <directory> write|regenerate|tooMuch|asBeego <id> [n]`. It prints `ready` before it begins.
 */
import { randomBytes } from "node:crypto"
import { closeSync, ftruncateSync, openSync, readFileSync, utimesSync, writeSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import type { SessionError, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as BeegoFile from "../../src/beego/layouts/file.js"
import { numberIn, payload } from "./filePayload.js"

const [layout = "", directory = "", command = "", name = "", n = "0"] = process.argv.slice(2)
const id = name as SessionProvider.StoredId
const day = Duration.days(1)

const newId = () => randomBytes(16).toString("hex") as SessionProvider.StoredId

/** Writes the next number, `n` times. */
const write = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    for (let done = 0; done < Number(n); ) {
      const { payload: last, revision } = Option.getOrThrow(yield* provider.read(id))
      const result = yield* provider.write(id, payload(numberIn(last) + 1), day, revision)
      done += result._tag === "Written" ? 1 : 0
    }
  })

/** Moves the session to new ids, for ever; each leaves a mark that names the next, if the provider keeps marks. */
const regenerate = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    for (let at = id; ; ) {
      const { payload: last, revision } = Option.getOrThrow(yield* provider.read(at))
      const next = newId()
      const result = yield* provider.regenerate({
        oldId: at,
        newId: next,
        payload: payload(numberIn(last) + 1),
        ttl: day,
        revision,
        mark: { content: Buffer.from(next), ttl: day }
      })
      at = result._tag === "Written" ? next : at
    }
  })

/** Prints the result of storing more than the disk holds, and then of storing a little. */
const tooMuch = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    const large = new Uint8Array(1024 * 1024)
    const { revision } = Option.getOrThrow(yield* provider.read(id))
    const other = newId()
    const attempts: ReadonlyArray<Effect.Effect<{ readonly _tag: string }, SessionError>> = [
      provider.write(id, large, day, revision),
      provider.create(other, large, day),
      provider.regenerate({ oldId: id, newId: other, payload: large, ttl: day, revision }),
      provider.write(id, payload(1), day, revision)
    ]
    for (const attempt of attempts) {
      const outcome = Effect.match(attempt, {
        onFailure: ({ message, reason }) => `${reason}: ${message}`,
        onSuccess: ({ _tag }) => _tag
      })
      console.log(yield* outcome)
    }
  })

/**
 * Reads beego's file and writes the next number into it, for ever: SessionRead, which sets the file's time to now, and
 * SessionRelease, which truncates the file and writes it, with a pause between the two.
 */
const asBeego = () =>
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

const commands = { write, regenerate, tooMuch, asBeego }

await Effect.runPromise(
  Effect.flatMap(
    layout === "beego" ? BeegoFile.make({ directory, maxLifetime: day }) : File.make({ directory }),
    (provider) => {
      console.log("ready")
      return commands[command as keyof typeof commands](provider)
    }
  )
)
