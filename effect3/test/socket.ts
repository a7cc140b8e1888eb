/**
 * WebSockets.
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

/** Turns the request into a WebSocket, and answers each of its messages until it is closed. */
export const answering = <E, R>(answer: (message: string) => Effect.Effect<string, E, R>) =>
  Effect.gen(function* () {
    const socket = yield* HttpServerRequest.upgrade
    const write = yield* socket.writer
    yield* socket.run((data) => Effect.flatMap(answer(new TextDecoder().decode(data)), write))
    return HttpServerResponse.empty()
  }).pipe(Effect.catchTag("SocketError", () => HttpServerResponse.empty()))
