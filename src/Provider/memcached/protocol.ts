/**
 * The commands of memcached's text protocol that sessions need, and a strict reader of the replies: data that is
 * not a reply to the command in turn is a failure. memcached's own protocol.txt defines the format.
 */
import type * as Effect from "#effect/Effect"
import { Failure } from "../../internal/failure.js"
import type { Change } from "../internal/casProvider.js"
import type { Item } from "../internal/casValue.js"
import { failureOf, isOrderly } from "./errors.js"

/** Of a line that is not the last one of a reply. */
const more = Symbol("more")

/** A command, and its possible replies. */
export interface Command<out A> {
  readonly key: string
  readonly line: string
  /** The bytes that follow the line. */
  readonly value: Buffer | undefined
  /**
   * Turns a line into the reply; undefined if the line cannot be one, and `more` if further lines belong to it. If a
   * command has no `meaning`, the reply is the key's value.
   */
  readonly meaning: ((line: string) => A | typeof more | undefined) | undefined
  /** Whether lines of the reply may end without a carriage return. */
  readonly bare?: boolean | undefined
  /**
   * What to do if the connection is lost before the reply, within so many milliseconds, if these are at least half of
   * the timeout. Otherwise the command fails.
   */
  readonly lost?: ((failure: Error, left: number) => Effect.Effect<A, Error>) | undefined
  /** A time for the reply that is shorter than the timeout, in milliseconds. */
  readonly within?: number | undefined
}

const words = <A>(meanings: { readonly [word: string]: A }): ((line: string) => A | undefined) => {
  const known = new Map(Object.entries(meanings))
  return (line) => known.get(line)
}

const isStored = words({ STORED: true, NOT_STORED: false })
const isTouched = words({ TOUCHED: true, NOT_FOUND: false })
const isDeleted = words({ DELETED: true, NOT_FOUND: false })
const change = words<Change>({ STORED: "done", EXISTS: "changed", NOT_FOUND: "gone" })

/** Reads a value and the token that a compare-and-swap has to name. */
export const gets = (key: string): Command<Item<string> | undefined> => ({
  key,
  line: `gets ${key}\r\n`,
  value: undefined,
  meaning: undefined
})

/**
 * Stores a value if there is none. Its flags are 0, and the flags of a value that is read are ignored: values are
 * bytes.
 */
export const add = (key: string, value: Buffer, exptime: number): Command<boolean> => ({
  key,
  line: `add ${key} 0 ${exptime} ${value.length}\r\n`,
  value,
  meaning: isStored
})

/** Stores a value if there is one that has not changed since its token was read. */
export const cas = (key: string, value: Buffer, exptime: number, token: string): Command<Change> => ({
  key,
  line: `cas ${key} 0 ${exptime} ${value.length} ${token}\r\n`,
  value,
  meaning: change
})

export const touch = (key: string, exptime: number): Command<boolean> => ({
  key,
  line: `touch ${key} ${exptime}\r\n`,
  value: undefined,
  meaning: isTouched
})

/** Removes a value. The command is `delete`, which is not a valid name in JavaScript. */
export const remove = (key: string): Command<boolean> => ({
  key,
  line: `delete ${key}\r\n`,
  value: undefined,
  meaning: isDeleted
})

/** Checks that the server is there, and that it is memcached. */
export const version: Command<true> = {
  key: "",
  line: "version\r\n",
  value: undefined,
  meaning: (line) => (line.startsWith("VERSION ") ? true : undefined)
}

/** Stores a value whatever is there, for ever, or not at all with the expiry -1. */
export const set = (key: string, value: Buffer, expiry = 0): Command<boolean> => ({
  key,
  line: `set ${key} 0 ${expiry} ${value.length}\r\n`,
  value,
  meaning: isStored
})

/**
 * Signs in: the first command to a server that was started with `-Y` (protocol.txt, "Authentication"). To any other it is
 * a value to store, which everybody could read: one that has expired is not kept.
 */
export const authenticate = (login: string): Command<boolean> => set("effect-session:login", Buffer.from(login), -1)

/**
 * Lists the keys of a server (protocol.txt, "LRU crawler"). It takes no other commands on a connection until it has
 * replied.
 */
export const keys = (): Command<ReadonlyArray<string>> => {
  const found: Array<string> = []
  return {
    key: "",
    line: "lru_crawler metadump all\r\n",
    value: undefined,
    bare: true,
    meaning: (line): ReadonlyArray<string> | typeof more | undefined => {
      const [, key] = /^key=(\S+) /.exec(line) ?? []
      if (key !== undefined) {
        // Keys of ours have no other characters that it escapes.
        found.push(key.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))))
        return more
      }
      return line === "END" ? found : undefined
    }
  }
}

/** The server's figures or, with `settings`, its options (protocol.txt, "General-purpose statistics"). */
export const stats = (group: "" | " settings" = ""): Command<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  return {
    key: "",
    line: `stats${group}\r\n`,
    value: undefined,
    meaning: (line): ReadonlyMap<string, string> | typeof more | undefined => {
      const [, name, value] = /^STAT (\S+) (.*)$/.exec(line) ?? []
      if (name !== undefined) {
        found.set(name, value!)
        return more
      }
      return line === "END" ? found : undefined
    }
  }
}

/** Longer than any line that memcached sends: it does not accept lines of more than 2048 bytes itself. */
const maxLine = 2048

/** Larger than any session, including one that another app stored on a server with a larger `-I`. */
const maxValue = 16 * 1024 * 1024

/** The rest of a value's announcement, after its key: flags, length, token. */
const announced = /^ \d{1,10} (\d{1,8}) (\d{1,20})$/

const foreign = () =>
  new Failure(
    "not an answer of memcached's",
    "check that the address is that of a memcached, and not of another server"
  )

/** The commands that wait for replies, in order. */
export interface Askers {
  /** The command to which the next reply belongs. */
  readonly next: () => Command<unknown> | undefined
  readonly answer: (answer: unknown) => void
  readonly refuse: (failure: Error) => void
}

/** Reads replies from the segments that arrive. Holds at most one line or one value. */
export class Answers {
  private line = ""
  /** A value in flight, with the end of line after it. */
  private value: Buffer | undefined
  private filled = 0
  private token = ""
  private found: Item<string> | undefined

  constructor(private readonly askers: Askers) {}

  /** Returns a failure if the data is not valid. Nothing that comes after it can be understood. */
  read(segment: Buffer): Error | undefined {
    let at = 0
    let failure: Error | undefined
    while (at < segment.length && failure === undefined) {
      if (this.value === undefined) {
        const end = segment.indexOf(0x0a, at)
        this.line += segment.toString("latin1", at, end === -1 ? segment.length : end)
        at = end === -1 ? segment.length : end + 1
        failure = this.line.length > maxLine ? foreign() : end === -1 ? undefined : this.takeLine()
      } else {
        const copied = segment.copy(this.value, this.filled, at)
        at += copied
        this.filled += copied
        failure = this.filled < this.value.length ? undefined : this.takeValue(this.value)
      }
    }
    return failure
  }

  private takeLine(): Error | undefined {
    const command = this.askers.next()
    const isWhole = this.line.endsWith("\r")
    const isBare = !isWhole && command?.bare === true
    const line = isBare ? this.line : this.line.slice(0, -1)
    this.line = ""
    const failure = failureOf(line)
    if (!(isWhole || isBare) || command === undefined || (failure !== undefined && !isOrderly(line))) {
      return failure ?? foreign()
    }
    if (failure !== undefined) {
      this.found = undefined
      this.askers.refuse(failure)
      return undefined
    }
    if (command.meaning === undefined) {
      return this.takeLineOfValue(line, command.key)
    }
    const answer = command.meaning(line)
    if (answer === undefined) {
      return foreign()
    }
    if (answer !== more) {
      this.askers.answer(answer)
    }
    return undefined
  }

  /** Either announces the value of this key, exactly one, or ends the reply. */
  private takeLineOfValue(line: string, key: string): Error | undefined {
    if (line === "END") {
      this.askers.answer(this.found)
      this.found = undefined
      return undefined
    }
    const start = `VALUE ${key}`
    const match = this.found === undefined && line.startsWith(start) ? announced.exec(line.slice(start.length)) : null
    const length = Number(match?.[1])
    if (match === null || length > maxValue) {
      return foreign()
    }
    this.value = Buffer.allocUnsafe(length + 2)
    this.filled = 0
    this.token = match[2]!
    return undefined
  }

  private takeValue(value: Buffer): Error | undefined {
    const length = value.length - 2
    this.value = undefined
    this.found = { value: value.subarray(0, length), token: this.token }
    return value[length] === 0x0d && value[length + 1] === 0x0a ? undefined : foreign()
  }
}
