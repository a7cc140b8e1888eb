import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"

export * from "effect/Stream"
export {
  flattenIterables as flattenIterable,
  repeatEffect as fromEffectRepeat,
  unwrapScoped as unwrap
} from "effect/Stream"

export const paginate = <S, A, E, R>(
  start: S,
  page: (at: S) => Effect.Effect<readonly [ReadonlyArray<A>, Option.Option<S>], E, R>
): Stream.Stream<A, E, R> =>
  Stream.paginateChunkEffect(start, (at) =>
    Effect.map(page(at), ([items, next]) => [Chunk.unsafeFromArray(items), next] as const)
  )
