/**
 * Fibers that are used without an effect.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Tracer from "effect/Tracer"

export type Running<A = any, E = any> = Fiber.Fiber<A, E>

/** Runs an effect in a fiber of its own, with all that the caller has. It starts at once. */
export const start = <A, E>(caller: Running, effect: Effect.Effect<A, E>): Running<A, E> =>
  Effect.runForkWith(caller.context)(effect)

export const ended = <A, E>(fiber: Running<A, E>): Exit.Exit<A, E> | undefined => fiber.pollUnsafe()

export const interrupt = (fiber: Running): void => fiber.interruptUnsafe()

/** Whether the fiber itself was interrupted, and not only one of its children. */
export const isInterrupted = (fiber: Running): boolean =>
  (fiber as unknown as { readonly _interruptedCause?: unknown })._interruptedCause !== undefined

export const contextOf = (fiber: Running): Context.Context<never> => fiber.context

/** Adds a service to the context, which gives a new one. */
export const adding = <I>(context: Context.Context<I>, key: string, service: unknown): Context.Context<I> =>
  Context.addUnsafe(context, key, service)

/** Gives the fiber what `adding` returned. Whoever made the request restores the context that was before it. */
export const setContext = (fiber: Running, context: Context.Context<never>): void => fiber.setContext(context)

/** The effect with its span, where somebody keeps spans. */
export const whereTraced = <A, E>(plain: Effect.Effect<A, E>, spanned: () => Effect.Effect<A, E>) =>
  Effect.withFiber((fiber): Effect.Effect<A, E> => {
    const { tracer } = fiber.cache
    return tracer === undefined || tracer === Tracer.nativeTracer ? plain : spanned()
  })

export const defectIn = (cause: Cause.Cause<unknown>): Option.Option<unknown> =>
  Result.getSuccess(Cause.findDefect(cause))
