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

/**
 * The text of a server's error can repeat the command, and with it a key. This keeps only its kind, and texts that
 * cannot be a key.
 */
const kind = /^(SERVER_ERROR|CLIENT_ERROR|ERROR)(?= |$)( out of memory [a-z ]{1,40}$| Too many open connections$)?/

/** The failure that a line of a reply reports; undefined if it is not an error (protocol.txt, "Error strings"). */
export const failureOf = (line: string): Failure | SessionError | undefined => {
  if (line === "SERVER_ERROR object too large for cache") {
    return tooLarge()
  }
  const words = kind.exec(line)?.[0]
  return words === undefined ? undefined : broken(words)
}

/** The failure of a server or a connection that is not as it should be. */
export const broken = (words: string): Failure => new Failure(words, checkBackend)

/**
 * Whether the server is ready for the next command after this line. After any other error it may read a value as
 * commands.
 */
export const isOrderly = (line: string): boolean => line.startsWith("SERVER_ERROR")
