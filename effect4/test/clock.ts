/**
 * Clocks of tests, and of processes whose clock is wrong.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"

/** Runs an effect under a clock of its own, as `it.effect` does. */
export const withTestClock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provide(effect, TestClock.layer())

const machine = Context.get(Context.empty(), Clock.Clock)

/** The machine's clock, but for the time that it shows. */
const showing = (millis: () => number): Clock.Clock =>
  Object.assign(Object.create(machine), { currentTimeMillisUnsafe: millis, currentTimeMillis: Effect.sync(millis) })

/** Runs an effect under a clock that shows this time. */
export const at =
  (millis: () => number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, Clock.Clock, showing(millis))

/** What is so far ahead of the machine's clock; behind it by a negative number of milliseconds. */
const ahead = (by: Duration.Input): Clock.Clock =>
  showing(() => machine.currentTimeMillisUnsafe() + (typeof by === "number" ? by : Duration.toMillis(by)))

/** A layer as a process has it whose clock is so far ahead: its services, and how it answers the web's requests. */
export const processAhead = <I, E>(layer: Layer.Layer<I, E>, by: Duration.Input) =>
  Effect.map(
    Layer.build(Layer.provideMerge(Layer.fresh(layer), Layer.succeed(Clock.Clock, ahead(by)))),
    (services) => ({
      services,
      handler: <EApp>(app: Effect.Effect<HttpServerResponse, EApp, I | HttpServerRequest>) =>
        HttpEffect.toWebHandlerWith(services)(app as never) as (request: Request) => Promise<Response>
    })
  )
