/**
 * The name of an event's session, if it is about one.
 */
import type { SessionManager } from "effect-session"

export const sessionOf = (event: SessionManager.SessionEvent | undefined): string | undefined =>
  event !== undefined && "session" in event ? event.session : undefined
