// Couchbase as the official client sees it: our stand-in, or the real cluster that COUCHBASE_URL names.
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { type Cluster, type Collection, connect, DurabilityLevel } from "couchbase"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Scope from "#effect/Scope"
import * as Couchbase from "./Couchbase.js"

describe("Couchbase", () => {
  const scope = Effect.runSync(Scope.make())
  let target: Couchbase.Target
  let cluster: Cluster
  let collection: Collection
  const open = (password: string, parameters = "") =>
    connect(target.url + parameters, { username: target.username, password })
  /** A key that no other run has used. */
  const fresh = () => `test-${randomUUID()}`

  beforeAll(async () => {
    target = await Effect.runPromise(Scope.provide(Couchbase.target(), scope))
    cluster = await open(target.password)
    collection = cluster.bucket(target.bucket).defaultCollection()
  })
  afterAll(async () => {
    await cluster.close()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })

  it("keeps documents and bytes", async () => {
    const key = fresh()
    await collection.insert(key, { text: "ä€😀", list: [1, null] })
    expect((await collection.get(key)).content).toEqual({ text: "ä€😀", list: [1, null] })
    const all = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    await collection.upsert(key, all)
    expect((await collection.get(key)).content).toEqual(all)
    expect((await collection.exists(key)).exists).toBe(true)
    await collection.remove(key)
    expect((await collection.exists(key)).exists).toBe(false)
    for (const call of [collection.get(key), collection.remove(key), collection.touch(key, 9)]) {
      await expect(call).rejects.toThrow("document not found")
    }
    await expect(collection.replace(key, 1)).rejects.toThrow("document not found")
  })

  it("writes only what nobody else has written meanwhile", async () => {
    const key = fresh()
    const { cas } = await collection.insert(key, 1)
    await expect(collection.insert(key, 2)).rejects.toThrow("document exists")
    await collection.replace(key, 2, { cas })
    await expect(collection.replace(key, 3, { cas })).rejects.toThrow("cas mismatch")
    await expect(collection.remove(key, { cas })).rejects.toThrow("cas mismatch")
    const found = await collection.get(key)
    expect(found.content).toBe(2)
    await collection.remove(key, { cas: found.cas })
    await collection.insert(key, 3)
    await expect(collection.replace(key, 4, { cas: found.cas })).rejects.toThrow("cas mismatch")
  })

  it("loses none of 64 concurrent increments", async () => {
    const key = fresh()
    await collection.insert(key, 0)
    let mismatches = 0
    const increment = async (): Promise<void> => {
      const { cas, content } = await collection.get(key)
      try {
        await collection.replace(key, content + 1, { cas })
      } catch (error) {
        if (!`${error}`.includes("cas mismatch")) throw error
        mismatches++
        return increment()
      }
    }
    await Promise.all(Array.from({ length: 64 }, increment))
    expect((await collection.get(key)).content).toBe(64)
    expect(mismatches).toBeGreaterThan(0)
  })

  it("expires documents at the end of a second, never early", async () => {
    const [short, kept] = [fresh(), fresh()]
    await collection.insert(short, 1, { expiry: 2 })
    await collection.insert(kept, 1, { expiry: 2 })
    const writtenAt = Date.now()
    await collection.replace(kept, 2, { preserveExpiry: true })
    await collection.touch(kept, 100)
    await sleep(writtenAt + 900 - Date.now())
    expect((await collection.get(short)).content).toBe(1)
    await sleep(writtenAt + 3100 - Date.now())
    await expect(collection.get(short)).rejects.toThrow("document not found")
    expect((await collection.get(kept)).content).toBe(2)
    await collection.insert(short, 2)
  })

  it("tells when a document expires", async () => {
    const expiryOf = async (key: string) => (await collection.get(key, { withExpiry: true })).expiryTime!
    const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
    const key = fresh()
    await collection.insert(key, { a: 1 }, { expiry: 1000 })
    expect(Math.abs((await expiryOf(key)) - inSeconds(1000))).toBeLessThan(3)
    await collection.upsert(key, { a: 2 }, { preserveExpiry: true })
    expect(Math.abs((await expiryOf(key)) - inSeconds(1000))).toBeLessThan(3)
    await collection.touch(key, 60 * 86_400)
    expect(Math.abs((await expiryOf(key)) - inSeconds(60 * 86_400))).toBeLessThan(3)
    expect((await collection.getAndTouch(key, new Date(2_000_000_000_000))).content).toEqual({ a: 2 })
    expect(await expiryOf(key)).toBe(2_000_000_000)
    await collection.upsert(key, { a: 3 })
    expect(await expiryOf(key)).toBe(0)
    await collection.upsert(key, { a: 3 }, { expiry: new Date(1_000_000_000_000) })
    await expect(collection.get(key)).rejects.toThrow("document not found")
  })

  it("takes a new expiry for a write", async () => {
    const key = fresh()
    const moment = new Date(2_000_000_000_000)
    const { cas } = await collection.insert(key, 1)
    const touched = await collection.touch(key, moment)
    expect(`${touched.cas}`).not.toBe(`${cas}`)
    await expect(collection.replace(key, 2, { cas })).rejects.toThrow("cas mismatch")
    expect(`${(await collection.getAndTouch(key, moment)).cas}`).toBe(`${touched.cas}`)
  })

  it("takes durable writes", async () => {
    const key = fresh()
    await collection.insert(key, 1, { durabilityLevel: DurabilityLevel.Majority })
    await collection.remove(key, { durabilityLevel: DurabilityLevel.MajorityAndPersistOnMaster })
  })

  it("has bounds for values and keys", async () => {
    const key = fresh()
    const most = Buffer.alloc(20 * 1024 * 1024, 7)
    await collection.upsert(key, most, { timeout: 20_000 })
    expect(most.equals((await collection.get(key, { timeout: 20_000 })).content)).toBe(true)
    const above = collection.upsert(key, Buffer.alloc(most.length + 1), { timeout: 20_000 })
    await expect(above).rejects.toThrow("value too large")
    await collection.remove(key)
    await collection.upsert(key.padEnd(246, "k"), 1)
    await collection.remove(key.padEnd(246, "k"))
    await expect(collection.upsert(key.padEnd(251, "k"), 1)).rejects.toThrow("invalid argument")
  })

  it("knows its scopes", async () => {
    await expect(cluster.bucket(target.bucket).scope("missing").collection("none").get("key")).rejects.toThrow("scope")
    if (process.env["COUCHBASE_URL"] !== undefined) return
    const named = cluster.bucket(target.bucket).scope("app").collection("sessions")
    const key = fresh()
    await named.insert(key, "named")
    expect((await named.get(key)).content).toBe("named")
    await expect(collection.get(key)).rejects.toThrow("document not found")
  })

  it("takes the password by each mechanism, and no other password", async () => {
    for (const mechanism of ["SCRAM-SHA512", "SCRAM-SHA256", "SCRAM-SHA1", "PLAIN"]) {
      const parameters = `${target.url.includes("?") ? "&" : "?"}sasl_mech_force=${mechanism}`
      const other = await open(target.password, parameters)
      await other.close()
      await expect(open("wrong", parameters)).rejects.toThrow("authentication failure")
    }
    const stranger = connect(target.url, { username: "stranger", password: target.password })
    await expect(stranger).rejects.toThrow("authentication failure")
  })

  it("has no other bucket", async () => {
    // The client keeps trying, because the bucket may be created soon; what it says in the end depends on when it asked last.
    const missing = cluster.bucket("missing").defaultCollection().get("key", { timeout: 500 })
    await expect(missing).rejects.toThrow(/timeout|bucket not found/)
  })
})
