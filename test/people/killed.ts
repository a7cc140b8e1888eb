// What a test and the process that it has killed agree on.
import type { SessionConfig } from "effect-session"
import * as File from "effect-session/file"
import * as Redis from "effect-session/redis"
import * as Sqlite from "effect-session/sqlite"
import { options } from "./app.js"
import { hour, times } from "./model.js"

export type BackendName = "file" | "redis" | "sqlite"

export interface Asked {
  readonly backend: BackendName
  readonly url: string
  /** The request; without one, all sessions of the user are ended. */
  readonly path: string | undefined
  readonly token: string | undefined
  readonly user: string
  /** How far the process's clock is ahead, in milliseconds. */
  readonly ahead: number
  /** How many sessions a person may have. */
  readonly cap: number
  /** The number of the last call of the backend, of those that change something. */
  readonly killedAfter: number
}

export const layerOf = (backend: BackendName, url: string) =>
  ({
    file: () => File.layer({ directory: url }),
    redis: () => Redis.layer({ url }),
    sqlite: () => Sqlite.layer({ filename: url })
  })[backend]()

export const optionsOf = (cap: number): SessionConfig.Options => ({
  ...options,
  idleTimeout: 12 * hour,
  absoluteTimeout: 12 * hour,
  touchEvery: "1 second",
  id: { renewEvery: times.renewEvery, grace: times.grace },
  principals: { max: cap }
})
