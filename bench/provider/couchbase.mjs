// Couchbase: the bare SDK doing get and get + replace with CAS, and the provider with its default options. The cluster is the one
// that COUCHBASE_URL names (couchbase://user:password@host/bucket), or else the tests' stand-in for a node, which is a Node process.

import { fileURLToPath } from "node:url"
import { connect } from "couchbase"
import * as Provider from "../../dist/src/couchbase.js"
import { freePort, startBackend } from "../lib/processes.mjs"

export const driver = "couchbase"
export const operations = { read: "get", write: "get + replace" }

const startStandIn = async () => {
  const port = await freePort()
  const program = fileURLToPath(new URL("../../test/servers/CouchbaseStandIn.ts", import.meta.url))
  const args = ["--import", "tsx", program, `${port}`, "user", "password", "default"]
  const stop = await startBackend(process.execPath, args, port)
  return { url: `couchbase://user:password@127.0.0.1:${port}/default`, stop }
}

export const start = async () => {
  const real = process.env.COUCHBASE_URL
  const { stop, url } = real === undefined ? await startStandIn() : { url: real, stop: () => {} }
  const { hash: _, hostname, pathname, port, protocol, search, username, password } = new URL(url)
  const cluster = await connect(`${protocol}//${hostname}${port === "" ? "" : `:${port}`}${search}`, {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    // As the provider has it; with them the SDK does a third less.
    tracingConfig: { enableTracing: false },
    metricsConfig: { enableMetrics: false }
  })
  const collection = cluster.bucket(pathname.slice(1)).defaultCollection()
  return {
    provider: Provider.make({ url }),
    bare: {
      read: (key) => collection.get(key),
      write: async (key, payload, millis) => {
        const options = { expiry: millis / 1000 }
        const found = await collection.get(key).catch(() => undefined)
        return found === undefined
          ? collection.insert(key, payload, options)
          : collection.replace(key, payload, { ...options, cas: found.cas })
      }
    },
    stop: async () => {
      await cluster.close()
      stop()
    }
  }
}
