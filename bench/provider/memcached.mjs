// One memcached server: a bare memcache-client, which the provider does without, doing get and gets + cas, and the provider with its default
// options.
import { MemcacheClient } from "memcache-client"
import * as Provider from "../../dist/src/memcached.js"
import { freePort, startBackend } from "../lib/processes.mjs"

export const driver = "memcache-client"
export const operations = { read: "get", write: "gets + cas" }

export const start = async () => {
  const port = await freePort()
  const asRoot = process.getuid?.() === 0 ? ["-u", "root"] : []
  const stop = await startBackend("memcached", ["-l", "127.0.0.1", "-p", `${port}`, "-U", "0", ...asRoot], port)
  const url = `127.0.0.1:${port}`
  const client = new MemcacheClient({ server: url, noDelay: true })
  return {
    provider: Provider.make({ url }),
    bare: {
      read: (key) => client.get(key),
      write: async (key, payload, millis) => {
        const options = { lifetime: millis / 1000 }
        const found = await client.gets(key)
        return found === undefined
          ? client.add(key, payload, options)
          : client.cas(key, payload, { ...options, casUniq: found.casUniq })
      }
    },
    stop: () => {
      client.shutdown()
      stop()
    }
  }
}
