import * as Context from "effect/Context"

export * from "effect/Context"
export { unsafeGet as getUnsafe } from "effect/Context"

export interface Service<Self, Shape> extends Context.Tag<Self, Shape> {}

export declare namespace Service {
  type Identifier<T extends Context.Tag<any, any>> = Context.Tag.Identifier<T>
  type Service<T extends Context.Tag<any, any>> = Context.Tag.Service<T>
}

export interface ServiceClass<Self, Id extends string, Shape> extends Context.TagClass<Self, Id, Shape> {}

export const Service =
  <Self, Shape>() =>
  <const Id extends string>(id: Id): ServiceClass<Self, Id, Shape> =>
    Context.Tag(id)<Self, Shape>()

export const getOrUndefined = <I, S>(context: Context.Context<never>, tag: Context.Tag<I, S>): S | undefined =>
  context.unsafeMap.get(tag.key)
