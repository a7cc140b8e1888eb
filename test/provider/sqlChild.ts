// A process of its own, for tests that start several at once, or kill one: `start` builds the layer and makes one session;
// `regenerate` makes one, tells its id, and changes that for ever, with a mark that names the next.
import { SessionProvider } from "effect-session"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { newId } from "../../src/testing/support.js"
import { mysql, postgres, sqliteFile } from "./sqlDatabases.js"

const [dialect, url, table, task] = process.argv.slice(2) as [string, string, string, string]
const open = { mysql, postgres, sqlite: sqliteFile }[dialect]!
const day = Duration.days(1)

const main = Effect.gen(function* () {
  const provider = yield* SessionProvider.SessionProvider
  let id = newId()
  let result: { readonly _tag: string } = yield* provider.create(id, Buffer.from("whole"), day)
  process.stdout.write(id)
  while (task === "regenerate" && "revision" in result) {
    const next = newId()
    result = yield* provider.regenerate({
      oldId: id,
      newId: next,
      payload: Buffer.from("whole"),
      ttl: day,
      revision: result.revision as SessionProvider.Revision,
      mark: { content: Buffer.from(next), ttl: day }
    })
    id = next
  }
})

await Effect.runPromise(Effect.provide(main, open(url).layer({ table })))
