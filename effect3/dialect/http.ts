/**
 * How the platform runs apps, and what it runs before the headers of their responses leave.
 */
import * as HttpApp from "@effect/platform/HttpApp"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import type { Running } from "./runtime.js"

/**
 * A handler that runs before the headers leave. Effect 3 keeps the handlers in the fiber, so an interrupted fiber
 * (`Effect.timeout`, `Effect.race`) may lose them: each mount of the request registers anew. One handler serves all
 * requests: one that referred to its request would keep it alive through the next garbage collections, at a measurable
 * cost.
 */
export class Registration {
  private readonly own: Option.Option<HttpApp.PreResponseHandler>
  /** The handlers in which this one runs after those of other code. */
  private readonly composed = new WeakSet<HttpApp.PreResponseHandler>()
  /** Registers it as the first; most requests need this. */
  readonly first: Effect.Effect<void>

  constructor(private readonly handler: HttpApp.PreResponseHandler) {
    this.own = Option.some(handler)
    this.first = FiberRef.set(HttpApp.currentPreResponseHandlers, this.own)
  }

  /** What remains to do to register it; undefined if this fiber has it already. */
  register(fiber: Running, _request: object): Effect.Effect<void> | undefined {
    const before = fiber.getFiberRef(HttpApp.currentPreResponseHandlers)
    if (Option.isNone(before)) {
      return this.first
    }
    if (before === this.own || this.composed.has(before.value)) {
      return undefined
    }
    const others = before.value
    const all: HttpApp.PreResponseHandler = (request, response) =>
      Effect.flatMap(others(request, response), (response) => this.handler(request, response))
    this.composed.add(all)
    return FiberRef.set(HttpApp.currentPreResponseHandlers, Option.some(all))
  }
}

/** Turns apps into functions of the web's requests, with all that the caller has. */
export const webHandlers = <R>() =>
  Effect.map(
    Effect.runtime<R>(),
    (runtime) =>
      <E>(app: Effect.Effect<HttpServerResponse, E, R | HttpServerRequest>) =>
        HttpApp.toWebHandlerRuntime(runtime)(app)
  )
