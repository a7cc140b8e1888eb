/**
 * Node's server for Effect, which ends in time, whatever its clients and the backend do.
 */
import { createServer, type Server } from "node:http"
import type { Socket } from "node:net"

/**
 * Makes a server that gives the requests under way so many milliseconds when it closes. Then it closes their connections,
 * and half a second later the process ends, even if something still waits for a backend that does not answer.
 */
export const endingWithin = (millis: number) => (): Server => {
  const server = createServer()
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  server.on("request", (_, response) => {
    // A client that keeps its connection and goes on asking would keep the server open.
    response.shouldKeepAlive &&= server.listening
    // When Effect 3 ends, it takes its handler away before it closes the server.
    if (server.listenerCount("request") === 1) {
      response.writeHead(503, { connection: "close" }).end()
    }
  })
  const close = server.close.bind(server)
  server.close = (done) => {
    // For the responses whose headers have left: their connections end with them.
    server.keepAliveTimeout = 1
    setTimeout(() => {
      for (const socket of sockets) {
        socket.destroy()
      }
    }, millis).unref()
    setTimeout(() => process.exit(1), millis + 500).unref()
    return close(done)
  }
  return server
}
