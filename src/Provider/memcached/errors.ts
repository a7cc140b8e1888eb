/**
 * What goes wrong with memcached.
 */
import { SessionError } from "../../SessionError.js"

/** What a command fails with: words without any key, which the provider's edge makes an error of, or an error that is one already. */
export type Failure = string | SessionError

const tooLarge = (): SessionError =>
  new SessionError({
    reason: "TooLarge",
    message:
      "memcached: the session is larger than the server's item_size_max: keep less in it, or start memcached with a larger -I"
  })

/** What the server says of an error can repeat the command, and with it a key: only its kind is told, and what is sure to be no key. */
const kind = /^(SERVER_ERROR|CLIENT_ERROR|ERROR)(?= |$)( out of memory [a-z ]{1,40}$| Too many open connections$)?/

/** The failure that an answer's line stands for; undefined if it is no error (protocol.txt, "Error strings"). */
export const failureOf = (line: string): Failure | undefined =>
  line === "SERVER_ERROR object too large for cache" ? tooLarge() : kind.exec(line)?.[0]

/** After such an answer the server is ready for the next command. After any other error it may take a value for commands. */
export const isOrderly = (line: string): boolean => line.startsWith("SERVER_ERROR")
