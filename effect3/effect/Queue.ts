import type * as Queue from "effect/Queue"

export * from "effect/Queue"

export const offerUnsafe = <A>(queue: Queue.Enqueue<A>, value: A): boolean => queue.unsafeOffer(value)
