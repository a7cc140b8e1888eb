// The conformance suite as our tests run it: every call of the provider is counted, so that no case passes without one.
import { type SessionError, SessionProvider } from "effect-session"
import { Conformance } from "effect-session/testing"
import { beforeAll } from "vitest"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { expect, it } from "#test/vitest"

class Calls extends Context.Service<Calls, { made: number }>()("Calls") {}

const counted = (provider: SessionProvider.Provider): Effect.Effect<SessionProvider.Provider, never, Calls> =>
  Effect.map(Calls, (calls) => {
    const call = Effect.sync(() => {
      calls.made++
    })
    return {
      ...provider,
      ...SessionProvider.mapCalls(
        provider,
        () => (effect) => Effect.andThen(call, effect),
        Stream.tap(() => call)
      )
    }
  })

/** The suite with cases that fail if they pass without a call of the provider. */
export const suite = (options: Conformance.Options): Conformance.Suite => {
  const provider = Layer.effect(
    SessionProvider.SessionProvider,
    Effect.flatMap(SessionProvider.SessionProvider, counted)
    // Each test below provides them.
  ) as Layer.Layer<SessionProvider.SessionProvider, never, SessionProvider.SessionProvider>
  const { cases, leftOut } = Conformance.suite({ ...options, layer: Layer.provide(provider, options.layer) })
  return {
    cases: cases.map((one) => ({
      ...one,
      test: Effect.suspend(() => {
        const calls = { made: 0 }
        return Effect.tap(Effect.provideService(one.test, Calls, calls), () =>
          Effect.sync(() => expect(calls.made, "calls of the provider").toBeGreaterThan(0))
        )
      })
    })),
    leftOut
  }
}

/** Prints which promises were checked, if not all were. */
const tell = (suite: Conformance.Suite): void => {
  if (suite.leftOut.length > 0) beforeAll(() => console.log(Conformance.table(suite)))
}

/** On a provider that keeps time by Effect's Clock. Each case first does `before`, which is told its place. */
export const conformsByClock = (
  options: Omit<Conformance.Options, "pass">,
  {
    before = () => Effect.void,
    only = () => true,
    where = ""
  }: {
    readonly before?: (index: number) => Effect.Effect<void>
    readonly only?: (name: string) => boolean
    readonly where?: string
  } = {}
): void => {
  const all = suite({ ...options, pass: TestClock.adjust })
  tell(all)
  for (const [index, { name, test }] of all.cases.entries()) {
    if (only(name)) it.effect(`${name}${where}`, () => Effect.andThen(before(index), test))
  }
}

/**
 * On a provider whose server keeps the time: the cases wait for it side by side. `differs` is where the provider's capabilities are not
 * the default; `lists` is whether it can count and list sessions, `marked` whether it keeps marks and records of people,
 * `changed` whether it tells those who wait.
 */
export const conforms = (
  layer: Effect.Effect<Layer.Layer<SessionProvider.SessionProvider, SessionError>>,
  differs: Partial<SessionProvider.Capabilities> = {},
  lists = true,
  marked = true,
  changed = false
): void => {
  const all = suite({
    layer: Layer.unwrap(layer),
    capabilities: { ...SessionProvider.defaultCapabilities, ...differs },
    optional: { count: lists, list: lists, gc: false, marked, principals: marked, changed },
    // A timer may fire a millisecond early, and Redis keeps a session for one millisecond more.
    pass: (duration) => Effect.sleep(Duration.toMillis(duration) + 10)
  })
  tell(all)
  for (const { exclusive, name, test } of all.cases) {
    it.live(name, () => test, { concurrent: !exclusive, timeout: 120_000 })
  }
}

/**
 * On a database whose server keeps the time. Each case has a table of its own: what another left there could expire
 * while this one counts.
 */
export const conformsInTables = (
  layerOf: (table: string) => Layer.Layer<SessionProvider.SessionProvider, unknown>,
  options: Omit<Conformance.Options, "layer" | "pass">,
  { only = () => true, where = "" }: { readonly only?: (name: string) => boolean; readonly where?: string } = {}
): void => {
  const of = (table: string) =>
    suite({
      ...options,
      layer: layerOf(table),
      pass: (duration) => Effect.sleep(Duration.toMillis(duration) + 10)
    })
  tell(of("none"))
  for (const [index, { exclusive, name }] of of("none").cases.entries()) {
    if (only(name)) {
      const { test } = of(`conforms_${index}`).cases[index]!
      it.live(`${name}${where}`, () => test, { concurrent: !exclusive, timeout: 120_000 })
    }
  }
}
