// Couchbase for the tests: our stand-in for a node, in its own process, or the real cluster that COUCHBASE_URL names.
//
// A stand-in, because a real node is in no package registry, and Couchbase's own mock server cannot be built from its
// Go module. CouchbaseStandIn.ts says what it does not do. A run against a real cluster tests the rest:
//
//   COUCHBASE_URL='couchbase://user:password@host/bucket' npm test -- couchbase
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { acquire, type Control, freePorts, host, typescript } from "./Process.js"

/** The settings with which the official client opens a bucket. */
export interface Target {
  readonly url: string
  readonly username: string
  readonly password: string
  readonly bucket: string
}

/** Makes the URL for the provider, with a path such as `/bucket/scope/collection`. */
export const sessionUrl = ({ bucket, password, url, username }: Target, path = `/${bucket}`): string => {
  const [, scheme, hosts, parameters] = /^(\w+:\/\/)([^?]*)(.*)$/.exec(url)!
  return `${scheme}${encodeURIComponent(username)}:${encodeURIComponent(password)}@${hosts}${path}${parameters}`
}

/**
 * Starts the stand-in, for tests of a server in trouble. It starts empty; only its port is the same after a restart.
 */
export const make = () =>
  acquire("couchbase", async (workspace): Promise<Target & Control> => {
    const [port] = await freePorts(1)
    const target: Target = {
      url: `couchbase://${host}:${port}`,
      username: "Administrator",
      password: "p/w?@:",
      bucket: "default"
    }
    const control = await workspace.run({
      name: "couchbase",
      ...(await typescript("CouchbaseStandIn.ts", `${port}`, target.username, target.password, target.bucket)),
      answers: async (output) => {
        if (!output.includes("listening")) throw new Error("it does not listen yet")
      }
    })
    return { ...control, ...target }
  })

/** A place for documents, for tests that work with any server: a real cluster if there is one, otherwise a stand-in. */
export const target = (): Effect.Effect<Target, never, Scope.Scope> => {
  const real = process.env["COUCHBASE_URL"]
  if (real === undefined) return make()
  const url = new URL(real)
  return Effect.succeed({
    url: `${url.protocol}//${url.host}${url.search}`,
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    bucket: decodeURIComponent(url.pathname.slice(1))
  })
}
