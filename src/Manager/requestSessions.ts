/**
 * Which session is a request's, however often it is asked for.
 */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { Environment } from "./Environment.js"
import { MountedSession } from "./MountedSession.js"
import type { Transport } from "./Transport.js"

export interface RequestSessions {
  /** The session of a request: the same one however often it is asked for, and a new one if the request is handled again. */
  readonly of: (request: HttpServerRequest) => MountedSession
  readonly existing: (request: HttpServerRequest) => MountedSession | undefined
}

export const makeRequestSessions = (env: Environment, transport: Transport): RequestSessions => {
  // On the request's source itself, as a property of this manager's own, for a WeakMap makes the garbage collector work for each request;
  // and on the source, for routers and middlewares make new request objects around it.
  const key = Symbol("effect-session")
  type Source = { [key]?: MountedSession }
  // Some runtimes freeze their requests.
  let ofFrozen: WeakMap<object, MountedSession> | undefined
  const existing = (request: HttpServerRequest): MountedSession | undefined => {
    const source = request.source as Source
    return source[key] ?? ofFrozen?.get(source)
  }
  const attach = (source: Source, session: MountedSession): void => {
    try {
      source[key] = session
    } catch {
      ofFrozen ??= new WeakMap()
      ofFrozen.set(source, session)
    }
  }
  return {
    existing,
    of: (request) => {
      const found = existing(request)
      if (found !== undefined && !found.answered) {
        return found
      }
      const session = new MountedSession(env, transport.read(request))
      attach(request.source as Source, session)
      return session
    }
  }
}
