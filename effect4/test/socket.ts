/**
 * WebSockets.
 */
import * as Effect from "effect/Effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** Turns the request into a WebSocket, and answers each of its messages until it is closed. */
export const answering = <E, R>(answer: (message: string) => Effect.Effect<string, E, R>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest
    const socket = yield* request.upgrade
    const { write } = yield* socket.writer
    const { pull } = yield* socket.reader
    const turn = Effect.flatMap(pull, (messages) =>
      Effect.forEach(messages, (message) =>
        Effect.flatMap(answer(typeof message === "string" ? message : new TextDecoder().decode(message)), write)
      )
    )
    return yield* Effect.forever(turn)
  }).pipe(
    Effect.scoped,
    Effect.catchIf(
      (error) => (error as { readonly _tag?: string })._tag === "SocketError",
      () => Effect.succeed(HttpServerResponse.empty())
    )
  )
