/**
 * The failures of memcached.
 */
import { SessionError } from "../../SessionError.js"

/** The failure of a command: text without any key, which the provider turns into an error, or an error. */
export type Failure = string | SessionError

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
export const failureOf = (line: string): Failure | undefined =>
  line === "SERVER_ERROR object too large for cache" ? tooLarge() : kind.exec(line)?.[0]

/**
 * Whether the server is ready for the next command after this line. After any other error it may read a value as
 * commands.
 */
export const isOrderly = (line: string): boolean => line.startsWith("SERVER_ERROR")
