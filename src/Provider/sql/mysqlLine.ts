/**
 * Connections to MySQL and MariaDB, by mysql2.
 */
import type { Socket } from "node:net"
import type { Connection, SslOptions } from "mysql2"
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import type { SessionError } from "../../SessionError.js"
import { driver } from "../internal/driver.js"
import { type Address, type Tls, withoutTls } from "./address.js"
import { toResult } from "./connection.js"
import type { Connect, Line } from "./lines.js"

/**
 * How many seconds a statement waits for a lock. The server cannot be asked to give up a statement: behind a balancer the
 * question would reach another one.
 */
const lockSeconds = 5

export const connector = (
  address: Address,
  { prepared = true, tls }: { readonly prepared?: boolean | undefined; readonly tls?: Tls | undefined }
): Effect.Effect<Connect, SessionError> =>
  Effect.map(driver("mysql", "mysql2"), ({ default: { createConnection } }) => {
    let isPrepared = prepared
    const streamOf = (connection: Connection) => (connection as unknown as { readonly stream: Socket }).stream
    const lineOf = (connection: Connection): Line => {
      const sendOnce: Line["send"] = (sql, values, done) => {
        connection.query({ sql, values: values as Array<any> }, (cause, result) =>
          done(cause, cause ? undefined : toResult(result))
        )
      }
      return {
        send: (sql, values, done) => {
          if (!isPrepared) {
            sendOnce(sql, values, done)
            return
          }
          // A connection that is lost while it prepares a statement is told of twice: as the end of that, and of the rest.
          let isOver = false
          connection.execute({ sql, values: values as Array<any> }, (cause, result) => {
            if (isOver) {
              return
            }
            isOver = true
            if (cause && codeOf(cause) === "ER_MAX_PREPARED_STMT_COUNT_REACHED") {
              // It did not run.
              isPrepared = false
              sendOnce(sql, values, done)
            } else {
              done(cause, cause ? undefined : toResult(result))
            }
          })
        },
        sendOnce,
        cancel: () => {},
        end: () => connection.end(() => {}),
        // `destroy` would leave the statement without an end.
        cut: () => streamOf(connection).destroy()
      }
    }
    return (lost) => {
      const { database, host, password, port, user } = address
      const connection = createConnection({
        uri: tls === undefined ? address.url : withoutTls(address),
        ...{ user, password, host, database },
        ...(port === undefined ? {} : { port }),
        ...(tls === undefined || tls === false
          ? {}
          : { ssl: { verifyIdentity: true, ...(tls === true ? {} : (tls as SslOptions)) } }),
        supportBigNumbers: true,
        multipleStatements: false,
        connectTimeout: 5_000,
        enableKeepAlive: true,
        keepAliveInitialDelay: 30_000
      })
      connection.on("error", lost)
      connection.on("end", lost)
      const line = new Promise<Line>((resolve, reject) => {
        connection.connect((cause) => {
          if (cause) {
            connection.destroy()
            reject(cause)
            return
          }
          // The driver tells a statement of it, or the connection, and not always both.
          streamOf(connection).once("close", lost)
          connection.query(
            `SET SESSION innodb_lock_wait_timeout = ${lockSeconds}, lock_wait_timeout = ${lockSeconds}`,
            (cause) => (cause ? reject(cause) : resolve(lineOf(connection)))
          )
          // A node of Galera first catches up with the others: someone who signed in through one of them is signed in.
          connection.query("SET SESSION wsrep_sync_wait = 7", () => {})
        })
      })
      return { line, cut: () => streamOf(connection).destroy() }
    }
  })
