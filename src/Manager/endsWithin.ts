/**
 * Node's HTTP servers: one that ends in time, whatever its clients do.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import * as Duration from "#effect/Duration"

/** For how long a request or its answer may be on its way, in milliseconds. */
const underWay = 200

/**
 * Makes a server end in time when it is closed, as on SIGTERM. Requests under way have so long to be answered; a moment
 * later their connections are closed, those of streams and WebSockets too. Meanwhile every response ends its connection,
 * and new requests on connections that clients have kept get a 503, so that clients ask another instance. Without this,
 * a client that keeps its connection and goes on asking keeps the process from ending. Returns the server.
 *
 * Take the session's `timeout`: a request that waits for a backend that does not answer gets its response by then.
 *
 * @example
 * import { createServer } from "node:http"
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { SessionHttp } from "effect-session"
 *
 * const HttpLive = NodeHttpServer.layer(() => SessionHttp.endsWithin(createServer(), "5 seconds"), { port: 3000 })
 *
 * @since 3.0.0
 * @category servers
 */
export const endsWithin = <S extends Server>(server: S, duration: Duration.Input): S => {
  // The longest delay of a timer: a longer one would be over at once.
  const millis = Math.min(Duration.toMillis(Duration.fromInputUnsafe(duration)), 2 ** 31 - 1)
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  server.on("request", (_, response) => {
    response.shouldKeepAlive &&= server.listening
    // When Effect 3 ends, it takes its handler away before it closes the server.
    if (server.listenerCount("request") === 1) {
      response.writeHead(503, { connection: "close" }).end()
    }
  })
  const close = server.close.bind(server)
  const closeIdle = server.closeIdleConnections.bind(server)
  // Node would close them at once, and with them those on which a request is on its way.
  server.closeIdleConnections = () => {
    setTimeout(closeIdle, Math.min(underWay, millis)).unref()
  }
  server.close = (done) => {
    // For responses whose headers have left: their connections end with them.
    server.keepAliveTimeout = 1
    // Not those that come later, if it listens again.
    const left = [...sockets]
    const destroy = () => {
      for (const socket of left) {
        socket.destroy()
      }
    }
    // A timer after the other: a request whose own time is over together with the first is answered before the second.
    setTimeout(() => setTimeout(destroy, underWay).unref(), millis).unref()
    return close(done)
  }
  return server
}
