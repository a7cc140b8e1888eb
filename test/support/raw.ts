/**
 * A client that sends raw bytes, which no well-behaved HTTP client sends, and one that hangs up.
 */
import { connect, type Socket } from "node:net"
import * as Effect from "#effect/Effect"
import type { Answer } from "./http.js"

/**
 * Makes the bytes of a request. It adds only a default `Host` header: without `Connection: close` the server keeps the
 * connection.
 */
export const bytesOf = (method: string, path: string, headers: Readonly<Record<string, string>>, body = ""): string =>
  [`${method} ${path} HTTP/1.1`, ...Object.entries({ host: "app.example", ...headers }).map(([k, v]) => `${k}: ${v}`)]
    .concat("", body)
    .join("\r\n")

const portOf = (url: string) => Number(new URL(url).port)

const open = (url: string, bytes: string): Socket => {
  const socket = connect(portOf(url), "127.0.0.1", () => socket.write(bytes))
  socket.on("error", () => {})
  return socket
}

/** Sends a request, and reads until the server closes. */
export const exchange = (url: string, bytes: string): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    const socket = open(url, bytes)
    let text = ""
    socket.setEncoding("latin1")
    socket.on("data", (chunk) => {
      text += chunk
    })
    socket.on("close", () => resume(Effect.succeed(parse(text))))
    return Effect.sync(() => socket.destroy())
  })

/** Sends a request, and returns how to hang up. */
export const begin = (url: string, bytes: string): Effect.Effect<Effect.Effect<void>> =>
  Effect.sync(() => {
    const socket = open(url, bytes)
    return Effect.sync(() => {
      socket.destroy()
    })
  })

const parse = (text: string): Answer => {
  const end = text.indexOf("\r\n\r\n")
  const [first = "", ...lines] = text.slice(0, end).split("\r\n")
  const pairs = lines.map((line) => [line.split(":")[0]!.toLowerCase(), line.slice(line.indexOf(":") + 1).trim()])
  const setCookie = pairs.flatMap(([name, value]) => (name === "set-cookie" ? [value!] : []))
  return {
    status: Number(first.split(" ")[1]),
    headers: Object.fromEntries(pairs),
    body: text.slice(end + 4),
    setCookie,
    cookie: setCookie[0]?.split(";")[0]
  }
}

/** Waits until a condition is true, for at most ten seconds of the machine's time. */
export const eventually = (isSo: () => boolean): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) {
      if (isSo()) return true
    }
    return isSo()
  })
