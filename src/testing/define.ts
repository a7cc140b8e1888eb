/**
 * Defines a case of the conformance suite: the promise that it checks, the properties of a provider that it needs, and
 * its test.
 */
import * as Effect from "#effect/Effect"
import { type Provider, SessionProvider } from "../Provider/Provider.js"
import type { Options, Promised } from "./declared.js"
import { type Time, timed } from "./time.js"

/** Returns why a case does not apply to a provider with these declared properties, or undefined if it does. */
export type Need = (options: Options) => string | undefined

export interface CaseOf {
  readonly promise: Promised
  readonly name: string
  readonly exclusive: boolean
  readonly needs: ReadonlyArray<Need>
  readonly test: (options: Options) => Effect.Effect<void, unknown, SessionProvider>
}

export interface Kind {
  readonly needs?: ReadonlyArray<Need>
  /** Set for a case that counts sessions, or loads the backend so much that it would spoil the times of others. */
  readonly exclusive?: boolean
}

/** Defines the cases of a promise in terms of the provider. */
export const defineFor =
  (promise: Promised) =>
  (
    name: string,
    test: (provider: Provider, time: Time, options: Options) => Effect.Effect<unknown, unknown>,
    { exclusive = false, needs = [] }: Kind = {}
  ): CaseOf => ({
    promise,
    name,
    exclusive,
    needs,
    test: (options) =>
      Effect.flatMap(SessionProvider, (provider) =>
        timed(name, provider, options, (time) => Effect.asVoid(test(provider, time, options)))
      )
  })

const says = (capability: string, value: unknown) => `the provider says ${capability}: ${JSON.stringify(value)}`

export const compareAndSet: Need = ({ capabilities: { consistency } }) =>
  consistency === "lastWriteWins" ? says("consistency", consistency) : undefined

/** If content is compared, a revision comes back with its payload. */
export const uniqueRevisions: Need = ({ capabilities: { consistency } }) =>
  consistency === "compareAndSet" ? undefined : says("consistency", consistency)

/** A payload limit that a test can exceed. */
export const limited: Need = ({ capabilities: { maxPayload } }) =>
  maxPayload <= 64 * 1024 * 1024 ? undefined : `the provider says maxPayload: ${maxPayload}`

export const has =
  (operation: keyof Options["optional"]): Need =>
  ({ optional }) =>
    optional[operation] ? undefined : `the provider has no ${operation}`
