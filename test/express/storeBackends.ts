// The backends that the store of express and fastify is tested on.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ExpressStore from "effect-session/express-store"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import * as Redis from "effect-session/redis"
import * as Sqlite from "effect-session/sqlite"
import { afterAll, beforeAll } from "vitest"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Scope from "#effect/Scope"
import { suiteBeside } from "../servers/need.js"
import * as RedisServer from "../servers/Redis.js"

type Where = Parameters<typeof ExpressStore.make>[0]

/** Makes stores on one backend, each as a process of its own would; they are closed after the last test. */
export type Stores = (options?: ExpressStore.Options) => ExpressStore.ExpressStore

const temporary = (prefix: string) =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), prefix))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

const backends: Record<
  string,
  { readonly needs: ReadonlyArray<string>; readonly start: Effect.Effect<Where, never, Scope.Scope> }
> = {
  memory: { needs: [], start: Effect.sync(() => Memory.make()) },
  file: {
    needs: [],
    start: Effect.map(temporary("express-file-"), (folder) => File.layer({ directory: join(folder, "sessions") }))
  },
  sqlite: {
    needs: [],
    start: Effect.map(temporary("express-sqlite-"), (folder) => Sqlite.layer({ filename: join(folder, "sessions.db") }))
  },
  redis: { needs: ["redis-server"], start: Effect.map(RedisServer.single(), ({ url }) => Redis.layer({ url })) }
}

export const onBackends = (tests: (stores: Stores, name: string) => void): void => {
  for (const [name, { needs, start }] of Object.entries(backends)) {
    suiteBeside(name, needs, () => {
      const scope = Effect.runSync(Scope.make())
      const made: Array<ExpressStore.ExpressStore> = []
      let where: Where
      beforeAll(async () => {
        where = await Effect.runPromise(Scope.provide(start, scope))
      })
      afterAll(async () => {
        await Promise.all(made.map((store) => store.close()))
        await Effect.runPromise(Scope.close(scope, Exit.void))
      })
      tests((options) => {
        // Tests may run on a busy machine.
        const store = ExpressStore.make(where, { timeout: "1 minute", ...options })
        made.push(store)
        return store
      }, name)
    })
  }
}

/** A store that is open for as long as the scope is. */
export const storeOn = (
  where: Where,
  options?: ExpressStore.Options
): Effect.Effect<ExpressStore.ExpressStore, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => ExpressStore.make(where, options)),
    (store) => Effect.promise(() => store.close())
  )

/** What a call of a store tells its callback. */
export const told = <A>(call: (callback: (error: any, value?: A) => void) => void): Promise<A> =>
  new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value as A))))

/** Waits until a condition holds, for as long as the test may take. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
