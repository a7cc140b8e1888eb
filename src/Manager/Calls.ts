/**
 * How the manager calls a backend: each call in a span, and none longer than the configured timeout.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Provider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"

/** The provider with a span round each call that waits for a backend, and calls that let go when interrupted. */
export const traced = (provider: Provider): Provider => {
  if (provider.capabilities.inProcess) {
    return provider
  }
  const span =
    (operation: string) =>
    <A>(call: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
      // Disconnected: a call that cannot be interrupted must hold up neither the timeout nor the session's next commit.
      Effect.withSpan(Effect.disconnect(call), `session.${operation}`, {
        kind: "client",
        captureStackTrace: false,
        attributes: { "session.backend": provider.name }
      })
  const spans = {
    read: span("read"),
    create: span("create"),
    write: span("write"),
    touch: span("touch"),
    exists: span("exists"),
    destroy: span("destroy"),
    regenerate: span("regenerate")
  }
  return {
    ...provider,
    read: (id) => spans.read(provider.read(id)),
    create: (id, payload, ttl) => spans.create(provider.create(id, payload, ttl)),
    write: (id, payload, ttl, revision) => spans.write(provider.write(id, payload, ttl, revision)),
    touch: (id, ttl) => spans.touch(provider.touch(id, ttl)),
    exists: (id) => spans.exists(provider.exists(id)),
    destroy: (id) => spans.destroy(provider.destroy(id)),
    regenerate: (oldId, newId, payload, ttl, revision) =>
      spans.regenerate(provider.regenerate(oldId, newId, payload, ttl, revision))
  }
}

/**
 * Bounds an effect in time and shields it from the caller's interruption: a client that hangs up does not undo a save. It runs in
 * a fiber of its own, because a timeout has no effect where an HTTP request is uninterruptible.
 */
export const bounded = (
  provider: Provider,
  timeout: Duration.Duration
): (<A>(effect: Effect.Effect<A, SessionError>) => Effect.Effect<A, SessionError>) => {
  if (provider.capabilities.inProcess) {
    return Effect.uninterruptible
  }
  const onTimeout = () =>
    new SessionError({
      reason: "Unavailable",
      message: `${provider.name}: no answer within ${Duration.format(timeout)}: check that the backend is up and reachable`
    })
  return (effect) =>
    Effect.flatMap(
      Effect.forkDaemon(Effect.interruptible(Effect.timeoutFail(effect, { duration: timeout, onTimeout }))),
      Fiber.join
    )
}
