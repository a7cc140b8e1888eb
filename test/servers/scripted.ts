// A TCP server that sends the replies a test chooses.
import { createServer, type Socket } from "node:net"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { host } from "./Process.js"

export interface Scripted {
  readonly url: string
  /** All text that was received, for each connection. */
  readonly received: ReadonlyArray<{ text: string; isOpen: boolean }>
}

/** `answer` gets the text that has just arrived, as latin1. */
export const make = (answer: (text: string, socket: Socket) => void): Effect.Effect<Scripted, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const received: Array<{ text: string; isOpen: boolean }> = []
        const sockets = new Set<Socket>()
        const server = createServer({ noDelay: true }, (socket) => {
          const connection = { text: "", isOpen: true }
          received.push(connection)
          sockets.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => {
            connection.isOpen = false
          })
          socket.on("data", (data) => {
            const text = data.toString("latin1")
            connection.text += text
            answer(text, socket)
          })
        })
        await new Promise<void>((resolve) => server.listen(0, host, resolve))
        const address = server.address()
        return { server, sockets, received, url: `${host}:${typeof address === "object" ? address?.port : ""}` }
      }),
      ({ server, sockets }) =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) {
            socket.destroy()
          }
        })
    ),
    ({ received, url }) => ({ received, url })
  )
