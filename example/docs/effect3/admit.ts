import { RateLimiter } from "@effect/experimental"
import type { HttpServerRequest } from "@effect/platform"
import { Effect, Layer, Option } from "effect"
import { SessionLayer } from "effect-session"

/** Twenty new sessions a minute for each address. If the limiter itself fails, everybody is admitted. */
const admit = Effect.map(
  RateLimiter.RateLimiter,
  (limiter) =>
    ({ remoteAddress }: HttpServerRequest.HttpServerRequest) =>
      limiter
        .consume({
          key: `session ${Option.getOrElse(remoteAddress, () => "unknown")}`,
          limit: 20,
          window: "1 minute"
        })
        .pipe(
          Effect.match({
            onFailure: ({ reason }) => reason !== "Exceeded",
            onSuccess: () => true
          })
        )
)

export const SessionLive = Layer.unwrapEffect(Effect.map(admit, (admit) => SessionLayer.memory({ admit }))).pipe(
  Layer.provide(RateLimiter.layer),
  Layer.provide(RateLimiter.layerStoreMemory)
)
