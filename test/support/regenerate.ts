// A program that changes a session's id in memcached, to be killed meanwhile. Arguments: server, revision.
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { make } from "../../src/Provider/Memcached.js"
import type { Revision, StoredId } from "../../src/Provider/Provider.js"

const [url, revision] = process.argv.slice(2) as [string, string]

Effect.runPromise(
  Effect.scoped(
    Effect.flatMap(make({ url, timeout: "1 minute" }), (provider) =>
      provider.regenerate({
        oldId: "old" as StoredId,
        newId: "new" as StoredId,
        payload: Buffer.from("after"),
        ttl: Duration.days(1),
        revision: revision as Revision
      })
    )
  )
)
