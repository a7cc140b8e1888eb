// One Redis server: a bare ioredis doing GET and SET PX, and the provider with its default options.
import { Redis } from "ioredis"
import * as Provider from "../../dist/src/redis.js"
import { startRedis } from "../lib/processes.mjs"

export const driver = "ioredis"
export const operations = { read: "GET", write: "SET PX" }

export const start = () => startOn("redis-server")

export const startOn = async (program) => {
  const { cpu, stop, url } = await startRedis(program)
  const client = new Redis(url)
  return {
    cpu,
    provider: Provider.make({ url }),
    bare: {
      read: (id) => client.getBuffer(id),
      write: (id, payload, millis) => client.set(id, payload, "PX", millis)
    },
    stop: () => {
      client.disconnect()
      stop()
    }
  }
}
