/**
 * Connections to PostgreSQL, by node-postgres.
 */
import { connect as connectTo } from "node:net"
import * as Effect from "#effect/Effect"
import type { SessionError } from "../../SessionError.js"
import { driver } from "../internal/driver.js"
import { type Address, type Tls, withoutTls } from "./address.js"
import { toResult } from "./connection.js"
import { isMisnamed } from "./failures.js"
import type { Connect, Line } from "./lines.js"
import { preparedName } from "./statements.js"

/** The parts of node-postgres that are used: its types are a package of their own. */
export interface NodePostgres {
  readonly Client: new (config: object) => Client
}

interface Client {
  readonly host: string
  readonly port: number
  /** What the server, or a pooler before it, wants to hear with a cancellation. */
  readonly processID: number
  readonly secretKey: number
  readonly connection: { readonly stream: { readonly destroy: () => void } }
  readonly on: (event: "end" | "error", listener: () => void) => void
  readonly connect: (done: (cause: unknown) => void) => void
  readonly query: (
    query: { readonly name?: string | undefined; readonly text: string; readonly values: ReadonlyArray<unknown> },
    done: (cause: unknown, result: object) => void
  ) => void
  readonly end: (done: () => void) => void
}

/**
 * @param prepared Whether statements have names. Without it they have, unless a pooler is in between: that gives the
 * statements of one client to several connections of the server, which do not know one another's names.
 */
export const connector = (
  address: Address,
  { prepared, tls }: { readonly prepared?: boolean | undefined; readonly tls?: Tls | undefined }
): Effect.Effect<Connect, SessionError> =>
  Effect.map(driver("postgres", "pg"), ({ Client }) => {
    let isNamed = prepared
    const names = new Map<string, string>()
    const nameOf = (text: string): string => {
      const known = names.get(text)
      if (known !== undefined) {
        return known
      }
      const name = preparedName(text)
      names.set(text, name)
      return name
    }
    const lineOf = (client: Client): Line => {
      const sendOnce: Line["send"] = (text, values, done) =>
        client.query({ text, values }, (cause, result) => done(cause, cause ? undefined : toResult(result)))
      return {
        send: (text, values, done) => {
          if (isNamed === false) {
            sendOnce(text, values, done)
            return
          }
          client.query({ name: nameOf(text), text, values }, (cause, result) => {
            if (cause && isMisnamed(cause)) {
              isNamed = false
              sendOnce(text, values, done)
            } else {
              done(cause, cause ? undefined : toResult(result))
            }
          })
        },
        sendOnce,
        cancel: () => cancel(client),
        end: () => client.end(() => {}),
        cut: () => client.connection.stream.destroy()
      }
    }
    const lineAt = async (client: Client): Promise<Line> => {
      await new Promise<void>((resolve, reject) =>
        client.connect((cause) => {
          if (cause) {
            // The driver leaves a connection open that it could not use for lack of a password.
            client.connection.stream.destroy()
            reject(cause)
          } else {
            resolve()
          }
        })
      )
      const line = lineOf(client)
      if (isNamed === undefined) {
        isNamed = await new Promise<boolean>((resolve) =>
          line.sendOnce("SELECT pg_backend_pid() AS pid", [], (_, result) =>
            resolve(result?.rows[0]?.["pid"] === client.processID)
          )
        )
      }
      return line
    }
    return (lost) => {
      const client = new Client({
        ...(tls === undefined
          ? { connectionString: address.url }
          : { connectionString: withoutTls(address), ssl: tls }),
        connectionTimeoutMillis: 5_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: 30_000,
        application_name: "effect-session"
      })
      client.on("error", lost)
      client.on("end", lost)
      return { line: lineAt(client), cut: () => client.connection.stream.destroy() }
    }
  })

/** Sends PostgreSQL's `CancelRequest`, on a connection of its own. */
const cancel = ({ host, port, processID, secretKey }: Client): void => {
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(80_877_102, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  const socket = host.startsWith("/") ? connectTo(`${host}/.s.PGSQL.${port}`) : connectTo(port, host)
  socket.on("error", () => socket.destroy())
  socket.setTimeout(5_000, () => socket.destroy())
  socket.end(request)
}
