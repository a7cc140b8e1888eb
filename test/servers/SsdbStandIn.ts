// A program that stands in for SSDB 1.9.8, which no package registry has: a server of the Redis protocol that replies
// as SSDB was observed to reply, above all where that differs from Redis. Commands that were not measured on the real
// server are unknown here.
//
//   npx tsx SsdbStandIn.ts PORT DATA_FILE
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { deserialize, serialize } from "node:v8"

type Reply = string | number | null | Buffer | ReadonlyArray<Reply> | { readonly raw: string }
type Args = ReadonlyArray<Buffer>

const status = (text: string): Reply => ({ raw: `+${text}\r\n` })
const error = (text: string): Reply => ({ raw: `-ERR ${text}\r\n` })

/** Names and members are kept as latin1 text: one character for each byte, whatever the bytes, and sorted as bytes. */
const name = (bytes: Buffer) => bytes.toString("latin1")
const bytes = (text: string) => Buffer.from(text, "latin1")

/** The data: each of the three kinds has its own name space; only plain values can expire. */
class Data {
  values = new Map<string, Buffer>()
  expiries = new Map<string, number>()
  sorted = new Map<string, Map<string, number>>()
  hashes = new Map<string, Map<string, Buffer>>()

  /** Removes expired keys. In SSDB a separate thread does so: a read does not check the key's time. */
  removeExpired(now: number): void {
    for (const [key, expiry] of this.expiries) if (expiry <= now) this.delete(key)
  }

  delete(key: string): void {
    this.values.delete(key)
    this.expiries.delete(key)
  }
}

const file = process.argv[3]!
const data: Data = Object.assign(new Data(), existsSync(file) ? deserialize(readFileSync(file)) : {})

const inner = <A>(outer: Map<string, Map<string, A>>, key: Buffer): Map<string, A> => {
  const found = outer.get(name(key)) ?? new Map<string, A>()
  outer.set(name(key), found)
  return found
}

const integer = (argument: Buffer): number | undefined => {
  const text = name(argument)
  return /^-?\d+$/.test(text) ? Number(text) : undefined
}

const score = (argument: Buffer): number | undefined => {
  const text = name(argument).toLowerCase()
  return text === "-inf" ? -Infinity : text === "+inf" || text === "inf" ? Infinity : integer(argument)
}

const notInteger = error("value is not an integer or out of range")

const add = (key: Buffer, by: number): Reply => {
  const before = integer(data.values.get(name(key)) ?? Buffer.from("0"))
  if (before === undefined) return notInteger
  data.values.set(name(key), Buffer.from(`${before + by}`))
  return before + by
}

/** Returns pairs of member and score, lowest score first; equal scores are ordered by member. */
const between = (key: Buffer, low: Buffer, high: Buffer): ReadonlyArray<[string, number]> | undefined => {
  const min = score(low)
  const max = score(high)
  if (min === undefined || max === undefined) return undefined
  return [...inner(data.sorted, key)]
    .filter(([, each]) => each >= min && each <= max)
    .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
}

interface Command {
  readonly atLeast: number
  readonly run: (args: Args) => Reply
}
const command = (atLeast: number, run: (args: Args) => Reply): Command => ({ atLeast, run })

const commands: Record<string, Command> = {
  ping: command(0, () => status("PONG")),
  quit: command(0, () => status("OK")),
  info: command(0, () => "ssdb-server\r\nversion\r\n1.9.8\r\n"),
  // The reply of a server without a password.
  auth: command(1, () => status("OK")),
  // Its reply breaks the protocol: the connection cannot be used after it.
  dump: command(1, () => ({ raw: "2\nok\n0\n\n\n" })),

  get: command(1, ([key]) => data.values.get(name(key!)) ?? null),
  // Options after the value (EX, PX, NX) are ignored, and the key keeps its lifetime.
  set: command(2, ([key, value]) => {
    data.values.set(name(key!), value!)
    return status("OK")
  }),
  setex: command(3, ([key, seconds, value]) => {
    const lifetime = integer(seconds!)
    if (lifetime === undefined || lifetime <= 0) return notInteger
    data.values.set(name(key!), value!)
    data.expiries.set(name(key!), Date.now() + lifetime * 1000)
    return status("OK")
  }),
  setnx: command(2, ([key, value]) => {
    if (data.values.has(name(key!))) return 0
    data.values.set(name(key!), value!)
    return 1
  }),
  getset: command(2, ([key, value]) => {
    const before = data.values.get(name(key!)) ?? null
    data.values.set(name(key!), value!)
    return before
  }),
  mset: command(2, (pairs) => {
    for (let index = 0; index + 1 < pairs.length; index += 2) data.values.set(name(pairs[index]!), pairs[index + 1]!)
    return status("OK")
  }),
  incr: command(1, ([key]) => add(key!, 1)),
  mget: command(1, (keys) => keys.map((key) => data.values.get(name(key)) ?? null)),
  exists: command(1, ([key]) => (data.values.has(name(key!)) ? 1 : 0)),
  getrange: command(3, ([key, from, to]) => {
    const start = integer(from!)
    const end = integer(to!)
    if (start === undefined || end === undefined) return notInteger
    const value = data.values.get(name(key!)) ?? Buffer.alloc(0)
    return value.subarray(start, end === -1 ? undefined : end + 1)
  }),
  // It counts the keys that it was asked to delete, not those that were there.
  del: command(1, (keys) => {
    for (const key of keys) data.delete(name(key))
    return keys.length
  }),
  expire: command(2, ([key, seconds]) => {
    const lifetime = integer(seconds!)
    if (lifetime === undefined) return notInteger
    if (!data.values.has(name(key!))) return 0
    data.expiries.set(name(key!), Date.now() + lifetime * 1000)
    return 1
  }),
  ttl: command(1, ([key]) => {
    const expiry = data.expiries.get(name(key!))
    return expiry === undefined ? -1 : Math.max(0, Math.ceil((expiry - Date.now()) / 1000))
  }),
  // Not a pattern: the keys above the first and up to the second name ("" for no bound), and at most as many as the
  // third argument says.
  keys: command(3, ([from, to, most]) => {
    const limit = integer(most!)
    if (limit === undefined) return notInteger
    return [...data.values.keys()]
      .filter((key) => key > name(from!) && (to!.length === 0 || key <= name(to!)))
      .sort()
      .slice(0, limit < 0 ? undefined : limit)
      .map(bytes)
  }),

  zadd: command(3, ([key, ...pairs]) => {
    const members = inner(data.sorted, key!)
    const before = members.size
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      const value = integer(pairs[index]!)
      if (value === undefined) return notInteger
      members.set(name(pairs[index + 1]!), value)
    }
    return members.size - before
  }),
  zrangebyscore: command(3, ([key, low, high, ...options]) => {
    const found = between(key!, low!, high!)
    if (found === undefined) return notInteger
    const words = options.map((option) => name(option).toLowerCase())
    const limit = words.indexOf("limit")
    const [offset, count] = limit === -1 ? [0, -1] : [Number(words[limit + 1]), Number(words[limit + 2])]
    const page = found.slice(offset, count < 0 ? undefined : offset + count)
    return page.flatMap(([member, value]) =>
      words.includes("withscores") ? [bytes(member), `${value}`] : [bytes(member)]
    )
  }),
  zcount: command(3, ([key, low, high]) => between(key!, low!, high!)?.length ?? notInteger),
  zrem: command(2, ([key, ...members]) => members.filter((each) => inner(data.sorted, key!).delete(name(each))).length),
  zcard: command(1, ([key]) => inner(data.sorted, key!).size),

  hset: command(3, ([key, field, value]) => {
    const fields = inner(data.hashes, key!)
    const isNew = !fields.has(name(field!))
    fields.set(name(field!), value!)
    return isNew ? 1 : 0
  }),
  hgetall: command(1, ([key]) => [...inner(data.hashes, key!)].flatMap(([field, value]) => [bytes(field), value]))
}

const answer = ([first, ...args]: Args): Reply => {
  const word = name(first!).toLowerCase()
  const found = Object.hasOwn(commands, word) ? commands[word]! : undefined
  if (found === undefined) return error(`Unknown Command: ${word}`)
  return args.length < found.atLeast ? error("wrong number of arguments") : found.run(args)
}

const encode = (reply: Reply): Buffer => {
  if (reply === null) return Buffer.from("$-1\r\n")
  if (typeof reply === "number") return Buffer.from(`:${reply}\r\n`)
  if (typeof reply === "string") return encode(Buffer.from(reply))
  if (Buffer.isBuffer(reply)) return Buffer.concat([Buffer.from(`$${reply.length}\r\n`), reply, Buffer.from("\r\n")])
  if (Array.isArray(reply)) return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(encode)])
  return Buffer.from((reply as { readonly raw: string }).raw)
}

/** Takes one request, an array of byte strings, from the front; returns undefined if it is not complete. */
const takeRequest = (input: Buffer): { readonly args: Args; readonly rest: Buffer } | undefined => {
  let at = 0
  const header = (mark: string): number | undefined => {
    const end = input.indexOf("\r\n", at)
    if (end === -1) return undefined
    const line = input.toString("latin1", at, end)
    if (line[0] !== mark) throw new Error("not a request")
    at = end + 2
    return Number(line.slice(1))
  }
  const count = header("*")
  if (count === undefined) return undefined
  const args: Array<Buffer> = []
  while (args.length < count) {
    const length = header("$")
    if (length === undefined || input.length < at + length + 2) return undefined
    args.push(Buffer.from(input.subarray(at, at + length)))
    at += length + 2
  }
  return { args, rest: input.subarray(at) }
}

const server = createServer({ noDelay: true }, (socket) => {
  let input: Buffer = Buffer.alloc(0)
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk) => {
    input = input.length === 0 ? chunk : Buffer.concat([input, chunk])
    try {
      for (let request = takeRequest(input); request !== undefined; request = takeRequest(input)) {
        input = request.rest
        if (request.args.length === 0) continue
        socket.write(encode(answer(request.args)))
        if (name(request.args[0]!).toLowerCase() === "quit") socket.end()
      }
    } catch {
      socket.destroy()
    }
  })
})
server.listen(Number(process.argv[2]), "127.0.0.1")
setInterval(() => data.removeExpired(Date.now()), 200)

process.once("SIGTERM", () => {
  writeFileSync(file, serialize({ ...data }))
  process.exit()
})
