/**
 * The failures of memcached.
 */
import { checkBackend, Failure } from "../../internal/failure.js"
import { SessionError } from "../../SessionError.js"

const tooLarge = (): SessionError =>
  new SessionError({
    reason: "TooLarge",
    message:
      "memcached: the session is larger than the server's item_size_max: keep less in it, or start memcached with a larger -I"
  })

/** What servers say that has words and advice of its own. */
const known: ReadonlyArray<readonly [line: RegExp, words: string, advice: string]> = [
  [
    /^SERVER_ERROR out of memory/,
    "the server is out of memory",
    "start memcached with a larger -m, and without -M, so that it evicts what was not used for the longest time"
  ],
  [/Too many open connections/, "the server has too many connections", "start memcached with a larger -c"],
  [
    /^CLIENT_ERROR (unauthenticated|authentication failure)/,
    "the server asks for a user and password, or for others than these",
    "write them before the address as they are in memcached's file (-Y): user:password@host:port"
  ]
]

/**
 * The text of a server's error can repeat the command, and with it a key: no more than its kind is kept. That the server
 * is up is known.
 */
const kind = /^(SERVER_ERROR|CLIENT_ERROR|ERROR)(?= |$)/

/** The failure that a line of a reply reports; undefined if it is not an error (protocol.txt, "Error strings"). */
export const failureOf = (line: string): Failure | SessionError | undefined => {
  const words = kind.exec(line)?.[0]
  if (words === undefined) {
    return undefined
  }
  if (line === "SERVER_ERROR object too large for cache") {
    return tooLarge()
  }
  const [, told = words, advice = "look into memcached's log (-v)"] =
    known.find(([pattern]) => pattern.test(line)) ?? []
  return new Failure(told, advice)
}

/** The failure of a server or a connection that is not as it should be. */
export const broken = (words: string): Failure => new Failure(words, checkBackend)

/** A connection that was lost while commands were in flight, which the server may have executed. */
export class Lost extends Failure {
  constructor(words: string) {
    super(words, checkBackend)
  }
}

/**
 * Whether the server is ready for the next command after this line. After any other error it may read a value as
 * commands.
 */
export const isOrderly = (line: string): boolean => line.startsWith("SERVER_ERROR")
