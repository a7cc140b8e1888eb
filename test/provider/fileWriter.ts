/**
 * A process that uses a directory of file sessions, for tests with several processes: `tsx fileWriter.ts <directory> <command> <id> [n]`.
 * It says `ready` before it begins.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SessionProvider } from "effect-session"
import * as File from "effect-session/file"

const [directory = "", command = "", id = "", n = "0"] = process.argv.slice(2)
const day = Duration.days(1)

/** A payload that shows when it is torn: a number, again and again. */
const payload = (n: number) => Buffer.from(`${n} `.repeat(2_000))

const numberIn = (stored: SessionProvider.Stored) => Number.parseInt(Buffer.from(stored.payload).toString(), 10)

const program = Effect.gen(function* () {
  const provider = yield* File.make({ directory })
  let at = id as SessionProvider.StoredId
  console.log("ready")
  const steps = command === "forever" || command === "regenerate" ? Number.POSITIVE_INFINITY : Number(n)
  for (let done = 0; done < steps; ) {
    const stored = yield* provider.read(at)
    if (Option.isNone(stored)) {
      return yield* Effect.dieMessage("the session is gone")
    }
    const next = payload(numberIn(stored.value) + 1)
    if (command === "regenerate") {
      const newId =
        `${"x".repeat(33)}${String(numberIn(stored.value) + 1).padStart(10, "0")}` as SessionProvider.StoredId
      const result = yield* provider.regenerate(at, newId, next, day, stored.value.revision)
      at = result._tag === "Written" ? newId : at
    } else {
      const result = yield* provider.write(at, next, day, stored.value.revision)
      done += result._tag === "Written" ? 1 : 0
    }
  }
})

await Effect.runPromise(program)
