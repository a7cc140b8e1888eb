/**
 * What an event names its session by, if it is about one.
 */
import type { SessionManager } from "effect-session"

export const sessionOf = (event: SessionManager.SessionEvent | undefined): string | undefined =>
  event !== undefined && "session" in event ? event.session : undefined
