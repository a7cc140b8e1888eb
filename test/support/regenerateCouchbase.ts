// A program that changes a session's id in Couchbase, to be killed meanwhile: at the removal of the old session it
// prints "now" and hangs, before or after the cluster gets the removal. Arguments: connection string, user, password,
// bucket, revision, when.
import { type Collection, connect } from "couchbase"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { make } from "../../src/Provider/Couchbase.js"
import type { Revision, StoredId } from "../../src/Provider/Provider.js"

const [url, username, password, bucket, revision, when] = process.argv.slice(2) as Array<string>

const cluster = await connect(url!, { username: username!, password: password! })
const collection = cluster.bucket(bucket!).defaultCollection()

/** The app's collection, whose `remove` never completes. */
const hanging = new Proxy(collection, {
  get: (target, name) =>
    name !== "remove"
      ? Reflect.get(target, name, target)
      : async (...args: Parameters<Collection["remove"]>) => {
          if (when === "after") await target.remove(...args)
          console.log("now")
          // Nothing else keeps this process alive until it is killed.
          setInterval(() => {}, 60_000)
          return new Promise(() => {})
        }
})

await Effect.runPromise(
  Effect.scoped(
    Effect.flatMap(make({ collection: hanging }), (provider) =>
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
