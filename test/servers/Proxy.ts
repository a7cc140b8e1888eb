// A proxy in front of a server, as load balancers and firewalls are: it forgets connections, closes them, or leads to
// another server.
import { connect, createServer, type Socket } from "node:net"
import * as Effect from "#effect/Effect"
import { host } from "./Process.js"

export interface Proxy {
  readonly port: number
  /** How many connections it has accepted. */
  readonly accepted: () => number
  /** The first bytes that each connection received from its client, as latin1. */
  readonly firstBytes: () => ReadonlyArray<string>
  /** All that its clients have sent, as latin1. */
  readonly sent: () => string
  /** From now on nothing comes through the connections that are there, and nobody is told. */
  readonly forget: () => void
  /** Closes the connections that are there. */
  readonly close: () => void
  /** Closes the connection on which the server next answers something that its client sent from now on, before that client hears it. */
  readonly swallowReply: (to: RegExp) => void
  /** Leads new connections to another port. */
  readonly lead: (port: number) => void
}

interface Pair {
  readonly client: Socket
  isForgotten: boolean
  readonly sent: Array<string>
  swallows: boolean
}

export const make = (target: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const pairs: Array<Pair> = []
        const state: { port: number; swallowed: RegExp | undefined } = { port: target, swallowed: undefined }
        const server = createServer({ noDelay: true }, (client) => {
          const pair: Pair = { client, isForgotten: false, sent: [], swallows: false }
          pairs.push(pair)
          const upstream = connect(state.port, host)
          upstream.setNoDelay(true)
          client.on("error", () => {})
          upstream.on("error", () => {})
          client.on("data", (bytes) => {
            const text = bytes.toString("latin1")
            pair.sent.push(text)
            if (state.swallowed?.test(text)) {
              state.swallowed = undefined
              pair.swallows = true
            }
            if (!pair.isForgotten) upstream.write(bytes)
          })
          upstream.on("data", (bytes) => {
            if (pair.swallows) client.destroy()
            else if (!pair.isForgotten) client.write(bytes)
          })
          client.on("close", () => upstream.destroy())
          upstream.on("close", () => {
            if (!pair.isForgotten) client.destroy()
          })
        })
        await new Promise<void>((resolve) => server.listen(0, host, resolve))
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        return { server, pairs, state, port }
      }),
      ({ pairs, server }) =>
        Effect.sync(() => {
          server.close()
          for (const { client } of pairs) client.destroy()
        })
    ),
    ({ pairs, port, state }): Proxy => ({
      port,
      accepted: () => pairs.length,
      firstBytes: () => pairs.flatMap(({ sent }) => sent[0] ?? []),
      sent: () => pairs.map(({ sent }) => sent.join("")).join("\n"),
      forget: () => {
        for (const pair of pairs) pair.isForgotten = true
      },
      close: () => {
        for (const { client } of pairs) client.destroy()
      },
      swallowReply: (to) => {
        state.swallowed = to
      },
      lead: (to) => {
        state.port = to
      }
    })
  )
