/**
 * The errors of changes that the client can no longer be told.
 */
import * as Effect from "#effect/Effect"
import { SessionError } from "../SessionError.js"

const failing = (message: string) => Effect.fail(new SessionError({ reason: "HeadersSent", message }))

/** There never was a response: on a socket, or outside of a request. */
export const noResponse = (what: string) =>
  failing(`${what}: there is no response that could tell the client: do it in an ordinary request`)

export const headersSent = (what: string) =>
  failing(
    `${what}: the response has been made. Change the session before that or, in a stream, save through SessionManager.open`
  )
