// A process of its own, which begins and reads many sessions at once.
import type { SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"

const ids = Array.from({ length: 2_000 }, (_, n) => `id-${n}` as SessionProvider.StoredId)
const all = { concurrency: "unbounded" } as const

const main = Effect.gen(function* () {
  const provider = yield* File.make({ directory: process.argv[2]! })
  const begun = yield* Effect.forEach(ids, (id) => provider.create(id, Buffer.from(id), Duration.days(1)), all)
  const read = yield* Effect.forEach(ids, (id) => provider.read(id), all)
  process.stdout.write(`${begun.length} begun, ${read.filter(Option.isSome).length} read\n`)
})

await Effect.runPromise(main)
