/**
 * How the manager calls a backend: each call in a span, and none longer than the configured timeout.
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as Tracer from "effect/Tracer"
import type { Provider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"

/** Bounds an effect in time. */
export type Bounded = <A>(effect: Effect.Effect<A, SessionError>) => Effect.Effect<A, SessionError>

/**
 * Bounds effects in time, and shields them from the caller's interruption: a client that hangs up does not undo a save. What may take
 * too long runs in a fiber of its own, since `Effect.timeout` has no effect where an HTTP request is uninterruptible; and what does
 * not let itself be interrupted holds nobody up.
 */
export const bounded = (provider: Provider, timeout: Duration.Duration): Bounded => {
  const { answersWithin, inProcess } = provider.capabilities
  return inProcess || answersWithin <= Duration.toMillis(timeout)
    ? Effect.uninterruptible
    : forked(patience(provider.name, timeout))
}

/** How long to wait, and what comes of it. */
export interface Patience {
  readonly millis: number
  readonly late: Effect.Effect<never, SessionError>
}

export const patience = (backend: string, timeout: Duration.Duration): Patience => ({
  millis: Math.min(Duration.toMillis(timeout), 2 ** 31 - 1),
  late: Effect.suspend(() =>
    Effect.fail(
      new SessionError({
        reason: "Unavailable",
        message: `${backend}: no answer within ${Duration.format(timeout)}: check that the backend is up and reachable`
      })
    )
  )
})

/**
 * {@link bounded} by a fork, which starts at once: one that waits for its turn costs more than all else here. The time is the
 * machine's, not the Clock's: it is a server that is waited for.
 */
const forked = ({ late, millis }: Patience): Bounded => {
  const { runtimeFlags } = Runtime.defaultRuntime
  return <A>(effect: Effect.Effect<A, SessionError>) =>
    Effect.withFiberRuntime<A, SessionError>((caller) => {
      const fiberRefs = caller.getFiberRefs()
      const fiber = Runtime.runFork(
        Runtime.make({ context: caller.currentContext as Context.Context<never>, fiberRefs, runtimeFlags }),
        effect
      )
      return (
        fiber.unsafePoll() ??
        Effect.async((resume) => {
          const timer = setTimeout(() => {
            fiber.unsafeInterruptAsFork(FiberId.none)
            resume(late)
          }, millis)
          fiber.addObserver((exit) => {
            clearTimeout(timer)
            resume(exit)
          })
        })
      )
    })
}

/** Effect's default tracer keeps spans for nobody, and a span costs more than all else here. */
const ownTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** The provider with a span and a bound round each call that waits for a backend. */
export const traced = (provider: Provider, bounded: Bounded): Provider => {
  if (provider.capabilities.inProcess) {
    return provider
  }
  const span = (operation: string): Bounded => {
    const name = `session.${operation}`
    const options = {
      kind: "client",
      captureStackTrace: false,
      attributes: { "session.backend": provider.name }
    } as const
    return (call) =>
      Effect.tracerWith((tracer) =>
        tracer === ownTracer ? bounded(call) : Effect.withSpan(bounded(call), name, options)
      )
  }
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
