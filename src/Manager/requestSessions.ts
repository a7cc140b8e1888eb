/**
 * Finds the session of a request, so that all its mounts share one.
 */
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import type { Environment } from "./Environment.js"
import { MountedSession } from "./MountedSession.js"

export interface RequestSessions {
  /**
   * Returns the session of a request: the same one each time, and a new one if the request is handled again.
   */
  readonly of: (request: HttpServerRequest) => MountedSession
  readonly existing: (request: HttpServerRequest) => MountedSession | undefined
}

export const makeRequestSessions = (env: Environment): RequestSessions => {
  // A property of the request's source, because a WeakMap makes the garbage collector work for each request, and
  // because routers and middlewares make new request objects around the source.
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
      const session = new MountedSession(env, request)
      attach(request.source as Source, session)
      return session
    }
  }
}
