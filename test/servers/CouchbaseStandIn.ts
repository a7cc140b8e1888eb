// A program that stands in for a node of Couchbase, which no package registry has: the official client opens it as a
// cluster of one node with one bucket, and reads and writes documents by key.
//
//   npx tsx CouchbaseStandIn.ts PORT USERNAME PASSWORD BUCKET
//
// It imitates the login, the error codes, compare-and-swap, and the expiry of documents, according to kv_engine's
// documents and source, not measured on a node. Every write is one step, so CAS is as atomic as there. It does not have
// queries, HTTP, TLS, counters, locks, paths within a document, more nodes (so no replicas: durable writes succeed at
// once, as with "majority" in a cluster of one) or eviction, and it keeps nothing when it ends, like a bucket of type
// "ephemeral".
import { createServer } from "node:net"
import { Login, mechanisms } from "./CouchbaseLogin.js"
import {
  encode,
  Feature,
  Inbox,
  Opcode,
  preserveExpiryFrame,
  type Reply,
  type Request,
  Status,
  uint16,
  uint32,
  uint64
} from "./CouchbaseProtocol.js"

const [port, username, password, bucket] = [Number(process.argv[2]), ...process.argv.slice(3)]
if (username === undefined || password === undefined || bucket === undefined) throw new Error("arguments are missing")

interface Document {
  readonly value: Buffer
  readonly flags: number
  /** Unix time in seconds; 0: never. */
  readonly expiry: number
  readonly cas: bigint
}

/** The documents, under their names on the wire, which begin with the number of the collection. */
const documents = new Map<string, Document>()
const nameOf = (key: Buffer) => key.toString("latin1")

/**
 * Finds a live document. It lives through the whole second in which it expires: up to a second longer than asked, never
 * shorter.
 */
const find = (key: Buffer): Document | undefined => {
  const found = documents.get(nameOf(key))
  if (found === undefined || found.expiry === 0 || found.expiry >= now()) return found
  documents.delete(nameOf(key))
  return undefined
}

const now = () => Math.floor(Date.now() / 1000)

/** Returns the time of expiry: up to 30 days, the number is a lifetime; above, it is a Unix time. */
const expiryOf = (seconds: number) => (seconds === 0 || seconds > 30 * 86_400 ? seconds : now() + seconds)

/**
 * Makes a CAS like a real node's: the time in nanoseconds, with a counter in the lowest 16 bits, so that a restart
 * repeats none.
 */
const nextCas = (): bigint => {
  const time = (BigInt(Date.now()) * 1_000_000n) & ~0xffffn
  lastCas = time > lastCas ? time : lastCas + 1n
  return lastCas
}
let lastCas = 0n

const write = (key: Buffer, document: Omit<Document, "cas">): bigint => {
  const cas = nextCas()
  documents.set(nameOf(key), { ...document, cas })
  return cas
}

const notFound: Reply = { status: Status.notFound }
const exists: Reply = { status: Status.exists }
const invalid: Reply = { status: Status.invalid }

const maxValueLength = 20 * 1024 * 1024
const maxKeyLength = 250

/** Returns the reply to a compare-and-swap that fails; undefined if none is asked for, or if it succeeds. */
const casRefuses = (request: Request, before: Document | undefined): Reply | undefined => {
  if (request.cas === 0n) return undefined
  if (before === undefined) return notFound
  return before.cas === request.cas ? undefined : exists
}

const store =
  (refuses: (request: Request, before: Document | undefined) => Reply | undefined) =>
  (request: Request): Reply => {
    if (request.extras.length !== 8) return invalid
    if (request.value.length > maxValueLength) return { status: Status.tooBig }
    const before = find(request.key)
    const refused = refuses(request, before)
    if (refused !== undefined) return refused
    const keeps = before !== undefined && request.frames.includes(preserveExpiryFrame)
    const expiry = keeps ? before.expiry : expiryOf(request.extras.readUInt32BE(4))
    // A copy: the packet of the request holds more than the value.
    return {
      cas: write(request.key, { value: Buffer.from(request.value), flags: request.extras.readUInt32BE(0), expiry })
    }
  }

/** Sets a lifetime. A new one is a write, with a new CAS; the same one again is not. */
const touch = (request: Request, answer: (document: Document) => Reply): Reply => {
  if (request.extras.length !== 4) return invalid
  const found = find(request.key)
  if (found === undefined) return notFound
  const expiry = expiryOf(request.extras.readUInt32BE(0))
  const cas = expiry === found.expiry ? found.cas : write(request.key, { ...found, expiry })
  return { ...answer(found), cas }
}

const whole = ({ cas, flags, value }: Document): Reply => ({ cas, extras: uint32(flags), value })

const onDocuments: Record<number, (request: Request) => Reply> = {
  [Opcode.get]: (request) => {
    const found = find(request.key)
    return found === undefined ? notFound : whole(found)
  },
  [Opcode.upsert]: store(casRefuses),
  [Opcode.insert]: store((_, before) => (before === undefined ? undefined : exists)),
  [Opcode.replace]: store((request, before) => (before === undefined ? notFound : casRefuses(request, before))),
  [Opcode.remove]: (request) => {
    const before = find(request.key)
    const refused = before === undefined ? notFound : casRefuses(request, before)
    if (refused !== undefined) return refused
    documents.delete(nameOf(request.key))
    return { cas: nextCas() }
  },
  [Opcode.touch]: (request) => touch(request, () => ({})),
  [Opcode.getAndTouch]: (request) => touch(request, whole),
  // The command of `exists`. The fields: deleted, flags, expiry, revision, datatype.
  [Opcode.getMeta]: (request) => {
    const found = find(request.key)
    if (found === undefined) return notFound
    const { cas, expiry, flags } = found
    return {
      cas,
      extras: Buffer.concat([uint32(0), uint32(flags), uint32(expiry), uint64(1n), Buffer.alloc(1)])
    }
  },
  // Only the request of `get` with `withExpiry`: the document's expiry, and the whole document.
  [Opcode.lookupIn]: (request) => {
    const found = find(request.key)
    if (found === undefined) return notFound
    const parts: Array<Buffer> = []
    for (const path of pathsOf(request.value)) {
      if (path !== "" && path !== "$document.exptime") return { status: Status.notSupported }
      const value = path === "" ? found.value : Buffer.from(`${found.expiry}`)
      parts.push(uint16(Status.success), uint32(value.length), value)
    }
    return { cas: found.cas, value: Buffer.concat(parts) }
  }
}

/** Returns the paths; each follows its command, its flags, and its length. */
const pathsOf = (specs: Buffer): ReadonlyArray<string> => {
  const paths: Array<string> = []
  for (let at = 0; at < specs.length; ) {
    const end = at + 4 + specs.readUInt16BE(at + 2)
    paths.push(specs.toString("utf8", at + 4, end))
    at = end
  }
  return paths
}

/** The collection that every bucket has, and one more. Numbers below 128 are one byte on the wire. */
const collections: Record<string, number> = { "_default._default": 0, "app.sessions": 8 }

const manifest = JSON.stringify({
  uid: "1",
  scopes: [
    { name: "_default", uid: "0", collections: [{ name: "_default", uid: "0" }] },
    { name: "app", uid: "8", collections: [{ name: "sessions", uid: "8" }] }
  ]
})

const collectionId = (path: string): Reply => {
  const id = collections[path]
  if (id !== undefined) return { extras: Buffer.concat([uint64(1n), uint32(id)]) }
  const inScope = Object.keys(collections).some((known) => known.split(".")[0] === path.split(".")[0])
  return { status: inScope ? Status.unknownCollection : Status.unknownScope }
}

/** The configuration of a cluster in which this node has everything. */
const clusterConfig = JSON.stringify({
  rev: 1,
  revEpoch: 1,
  nodesExt: [{ services: { kv: port }, thisNode: true, hostname: "127.0.0.1" }]
})
const bucketConfig = JSON.stringify({
  ...JSON.parse(clusterConfig),
  name: bucket,
  uuid: "5e550000000000000000000000000001",
  nodeLocator: "vbucket",
  bucketCapabilities: ["collections", "durableWrite", "preserve_expiry", "cbhello", "cccp", "touch", "nodesExt"],
  collectionsManifestUid: "1",
  vBucketServerMap: {
    hashAlgorithm: "CRC",
    numReplicas: 0,
    serverList: [`127.0.0.1:${port}`],
    vBucketMap: Array.from({ length: 1024 }, () => [0])
  }
})

const features: ReadonlyArray<number> = Object.values(Feature)

/** One connection: first its login, then its bucket, then documents. */
class Session {
  private readonly login = new Login({ username: username!, password: password! })
  private hasBucket = false

  answer(request: Request): Reply {
    const { key, opcode, value } = request
    switch (opcode) {
      case Opcode.hello:
        return {
          value: Buffer.concat(
            numbersOf(value)
              .filter((feature) => features.includes(feature))
              .map(uint16)
          )
        }
      case Opcode.saslMechanisms:
        return { value: mechanisms.join(" ") }
      case Opcode.saslAuth:
        return this.login.start(key.toString(), value.toString())
      case Opcode.saslStep:
        return this.login.step(value.toString())
      case Opcode.errorMap:
        return { value: JSON.stringify({ version: 1, revision: 1, errors: {} }) }
      case Opcode.noop:
        return {}
    }
    if (!this.login.done) return { status: Status.noAccess }
    switch (opcode) {
      case Opcode.selectBucket:
        this.hasBucket = key.toString() === bucket
        return this.hasBucket ? {} : { status: Status.noAccess }
      case Opcode.clusterConfig:
        return { value: this.hasBucket ? bucketConfig : clusterConfig }
    }
    const run = onDocuments[opcode]
    const isCollections = opcode === Opcode.collectionsManifest || opcode === Opcode.collectionId
    if (run === undefined && !isCollections) return { status: Status.unknownCommand }
    if (!this.hasBucket) return { status: Status.noBucket }
    if (opcode === Opcode.collectionsManifest) return { value: manifest }
    if (run === undefined) return collectionId(value.toString())
    if (!Object.values(collections).includes(key[0]!)) return { status: Status.unknownCollection }
    return key.length < 2 || key.length > 1 + maxKeyLength ? invalid : run(request)
  }
}

const numbersOf = (bytes: Buffer): ReadonlyArray<number> =>
  Array.from({ length: bytes.length >> 1 }, (_, index) => bytes.readUInt16BE(2 * index))

const server = createServer({ noDelay: true }, (socket) => {
  const session = new Session()
  const inbox = new Inbox()
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk) => {
    try {
      for (const request of inbox.add(chunk)) socket.write(encode(request, session.answer(request)))
    } catch {
      socket.destroy()
    }
  })
})
server.listen(port, "127.0.0.1", () => console.log("listening"))
