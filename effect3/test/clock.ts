/**
 * Clocks of tests, and of processes whose clock is wrong.
 */
import * as HttpApp from "@effect/platform/HttpApp"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestContext from "effect/TestContext"

/** Runs an effect under a clock of its own, as `it.effect` does. */
export const withTestClock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provide(effect, TestContext.TestContext)

const machine = Clock.make()

/** The machine's clock, but for the time that it shows. */
const showing = (millis: () => number): Clock.Clock =>
  Object.assign(Object.create(machine), { unsafeCurrentTimeMillis: millis, currentTimeMillis: Effect.sync(millis) })

/** Runs an effect under a clock that shows this time. */
export const at =
  (millis: () => number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withClock(effect, showing(millis))

/** What is so far ahead of the machine's clock; behind it by a negative number of milliseconds. */
const ahead = (by: Duration.DurationInput): Clock.Clock =>
  showing(() => machine.unsafeCurrentTimeMillis() + (typeof by === "number" ? by : Duration.toMillis(by)))

/** A layer as a process has it whose clock is so far ahead: its services, and how it answers the web's requests. */
export const processAhead = <I, E>(layer: Layer.Layer<I, E>, by: Duration.DurationInput) =>
  Effect.map(Layer.toRuntime(Layer.provideMerge(layer, Layer.setClock(ahead(by)))), (services) => ({
    services,
    handler: <EApp>(app: Effect.Effect<HttpServerResponse, EApp, I | HttpServerRequest>) =>
      HttpApp.toWebHandlerRuntime(services)(app)
  }))
