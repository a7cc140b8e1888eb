import * as Either from "effect/Either"
import { dual } from "effect/Function"

export * from "effect/Either"
export {
  type Either as Result,
  getRight as getSuccess,
  isLeft as isFailure,
  isRight as isSuccess,
  left as fail,
  mapLeft as mapError,
  right as succeed
} from "effect/Either"

export const match: {
  <E, B, A, C>(options: {
    readonly onFailure: (e: E) => B
    readonly onSuccess: (a: A) => C
  }): (self: Either.Either<A, E>) => B | C
  <A, E, B, C>(
    self: Either.Either<A, E>,
    options: { readonly onFailure: (e: E) => B; readonly onSuccess: (a: A) => C }
  ): B | C
} = dual(2, (self, { onFailure, onSuccess }) => Either.match(self, { onLeft: onFailure, onRight: onSuccess }))
