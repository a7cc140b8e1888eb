import type * as Layer from "effect/Layer"

export * from "effect/Layer"
export {
  scoped as effect,
  scopedDiscard as effectDiscard,
  unwrapScoped as unwrap
} from "effect/Layer"

export type Services<T extends Layer.Layer.Any> = Layer.Layer.Context<T>
