export * from "effect/Deferred"
export { unsafeDone as doneUnsafe, unsafeMake as makeUnsafe } from "effect/Deferred"
