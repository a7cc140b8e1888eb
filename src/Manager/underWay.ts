/**
 * The requests under way, for which the end of a manager waits: its backend must not close under them.
 */
import { ServerResponse } from "node:http"
import * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import { deadline } from "../internal/machineTime.js"

export class UnderWay {
  /** Whether the manager ends. */
  ending = false
  private count = 0
  private last: (() => void) | undefined = undefined

  begin(): void {
    this.count++
  }

  end(): void {
    this.count--
    if (this.count === 0) {
      this.last?.()
    }
  }

  /** Waits until no request is under way, but no longer than so many milliseconds. */
  over(millis: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.ending = true
      if (this.count === 0) {
        return resume(Effect.void)
      }
      const met = deadline(millis, () => resume(Effect.void))
      this.last = () => {
        met()
        resume(Effect.void)
      }
    })
  }

  /**
   * Whether the connection of a request should end with its response: a client that keeps it and goes on asking would
   * keep a server from closing. Node closes only those that are idle.
   */
  endsWith({ source }: HttpServerRequest): boolean {
    const { httpVersionMajor, socket } = source as NodeRequest
    return httpVersionMajor === 1 && (this.ending || socket?.server?.listening === false)
  }

  /** Ends the connection of a request, if that is due, after a response whose headers leave long before its end. */
  afterStream(request: HttpServerRequest): void {
    const own = nodeResponseOf(request)
    own?.once("finish", () => {
      if (this.endsWith(request)) {
        own.req.socket.end()
      }
    })
  }
}

/** The platform's own response to a request, on Node. */
export const nodeResponseOf = (request: HttpServerRequest): ServerResponse | undefined => {
  const own = (request as { readonly response?: unknown }).response
  return own instanceof ServerResponse ? own : undefined
}

/** What Node says of a request; others say nothing. */
interface NodeRequest {
  readonly httpVersionMajor?: number
  readonly socket?: { readonly server?: { readonly listening: boolean } } | null
}
