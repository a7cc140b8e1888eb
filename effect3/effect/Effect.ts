import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"

export * from "effect/Effect"
export {
  async as callback,
  catchAll as catch,
  catchAll as catchEager,
  catchAllCause as catchCause,
  catchAllDefect as catchDefect,
  either as result,
  flatMap as flatMapEager,
  fork as forkChild,
  forkDaemon as forkDetach,
  map as mapEager,
  withFiberRuntime as withFiber,
  zipRight as andThen
} from "effect/Effect"

export type Success<T extends Effect.Effect<any, any, any>> = Effect.Effect.Success<T>
export type Error<T extends Effect.Effect<any, any, any>> = Effect.Effect.Error<T>
export type Services<T extends Effect.Effect<any, any, any>> = Effect.Effect.Context<T>

export const yieldNow: Effect.Effect<void> = Effect.yieldNow()

export const fromResult = <A, E>(result: Either.Either<A, E>): Effect.Effect<A, E> => result
