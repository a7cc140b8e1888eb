/**
 * A process that uses a directory of file sessions, for tests with several processes:
 * `node fileWriter.mjs <directory> write|regenerate|tooMuch <id> [n]`. It says `ready` before it begins.
 */
import { randomUUID } from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SessionError, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import { numberIn, payload } from "./filePayload.js"

const [directory = "", command = "", name = "", n = "0"] = process.argv.slice(2)
const id = name as SessionProvider.StoredId
const day = Duration.days(1)

/** Writes the next number, `n` times. */
const write = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    for (let done = 0; done < Number(n); ) {
      const { payload: last, revision } = Option.getOrThrow(yield* provider.read(id))
      const result = yield* provider.write(id, payload(numberIn(last) + 1), day, revision)
      done += result._tag === "Written" ? 1 : 0
    }
  })

/** Moves the session to new ids, for ever; each leaves a mark that names the next. */
const regenerate = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    for (let at = id; ; ) {
      const { payload: last, revision } = Option.getOrThrow(yield* provider.read(at))
      const next = randomUUID() as SessionProvider.StoredId
      const mark = { content: Buffer.from(next), ttl: day }
      const result = yield* provider.regenerate({
        oldId: at,
        newId: next,
        payload: payload(numberIn(last) + 1),
        ttl: day,
        revision,
        mark
      })
      at = result._tag === "Written" ? next : at
    }
  })

/** Says what comes of storing more than the disk takes, and then of storing a little. */
const tooMuch = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    const large = new Uint8Array(1024 * 1024)
    const { revision } = Option.getOrThrow(yield* provider.read(id))
    const other = randomUUID() as SessionProvider.StoredId
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

const commands = { write, regenerate, tooMuch }

await Effect.runPromise(
  Effect.flatMap(File.make({ directory }), (provider) => {
    console.log("ready")
    return commands[command as keyof typeof commands](provider)
  })
)
