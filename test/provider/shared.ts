// What the tests of several providers share.
import { afterAll, beforeAll } from "vitest"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Scope from "#effect/Scope"

/** A server for all tests of a suite: started before the first, stopped after the last. `millis` is how long that may take. */
export const shared = <A>(acquire: Effect.Effect<A, never, Scope.Scope>, millis?: number): Effect.Effect<A> => {
  const scope = Effect.runSync(Scope.make())
  let server: A
  beforeAll(async () => {
    server = await Effect.runPromise(Scope.provide(acquire, scope))
  }, millis)
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return Effect.sync(() => server)
}
