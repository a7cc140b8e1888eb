/**
 * Builds sessions from the environment of its process, and prints what becomes of it.
 */
import { SessionLayer } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"

Effect.runPromise(
  Effect.scoped(Layer.build(SessionLayer.fromConfig())).pipe(
    Effect.as("built"),
    Effect.catch((error) => Effect.succeed(String(error)))
  )
).then(console.log)
