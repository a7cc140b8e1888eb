/**
 * Builds sessions from the environment of its process, and prints what becomes of it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SessionLayer } from "effect-session"

Effect.runPromise(
  Effect.scoped(Layer.build(SessionLayer.fromConfig())).pipe(
    Effect.as("built"),
    Effect.catchAll((error) => Effect.succeed(String(error)))
  )
).then(console.log)
