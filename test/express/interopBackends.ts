// The backends that the apps share in the tests: the store of the other app, and the provider of this one.

import { RedisStore } from "connect-redis"
import type { SessionProvider } from "effect-session"
import * as Express from "effect-session/express"
import type { Store } from "express-session"
import { createClient } from "redis"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import * as Redis from "../servers/Redis.js"

/** A session as its backend has it. */
export interface Stored {
  readonly record: Record<string, any>
  /** How long it still lives, in milliseconds. */
  readonly ttl: number
}

export interface Place {
  /** Makes a store for an app: express puts its own way to begin a session into it. */
  readonly store: () => Store
  readonly provider: Layer.Layer<SessionProvider.SessionProvider, unknown>
  /** The session with this id, if it is there. */
  readonly stored: (id: string) => Promise<Stored | undefined>
}

export interface Backend {
  readonly name: string
  readonly needs: ReadonlyArray<string>
  readonly start: Effect.Effect<Place, never, Scope.Scope>
}

export const redis: Backend = {
  name: "connect-redis",
  needs: ["redis-server"],
  start: Effect.flatMap(Redis.single({ password: "secret" }), ({ url }) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.promise(() => createClient({ url }).connect()),
        (client) => Effect.promise(() => client.close())
      ),
      (client): Place => ({
        store: () => new RedisStore({ client }),
        provider: Express.redis({ url }),
        stored: async (id) => {
          const [payload, ttl] = await Promise.all([client.get(`sess:${id}`), client.pTTL(`sess:${id}`)])
          return payload === null ? undefined : { record: JSON.parse(payload), ttl }
        }
      })
    )
  )
}
