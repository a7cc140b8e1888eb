/**
 * Packages that an app installs only if it uses them. Each is imported when its layer is built, by a name that bundlers
 * do not see. An app can therefore be bundled without the drivers that it does not have, and a driver stays outside of
 * the bundle, as packages with native code must.
 */
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import { SessionError } from "../../SessionError.js"
import type { NodePostgres } from "../sql/postgresLine.js"

interface Drivers {
  readonly "better-sqlite3": { readonly default: typeof import("better-sqlite3") }
  readonly couchbase: typeof import("couchbase")
  readonly ioredis: Pick<typeof import("ioredis"), "Cluster" | "Redis">
  readonly mysql2: { readonly default: typeof import("mysql2") }
  readonly pg: NodePostgres
  readonly "sodium-native": { readonly default: typeof import("sodium-native") }
}

/**
 * Imports the package `name`. Fails with `InvalidConfig` if it cannot be loaded; the message says that `user` needs it,
 * and what to run.
 */
export const driver = <Name extends keyof Drivers>(
  user: string,
  name: Name
): Effect.Effect<Drivers[Name], SessionError> =>
  Effect.tryPromise({
    // The comments keep Vite and webpack from warning.
    try: (): Promise<Drivers[Name]> => import(/* @vite-ignore */ /* webpackIgnore: true */ name),
    catch: (cause) =>
      new SessionError({
        reason: "InvalidConfig",
        message: `${user}: ${name} could not be loaded (${
          cause instanceof Error ? cause.message.split("\n")[0] : "unknown error"
        }): run npm ${codeOf(cause) === "ERR_DLOPEN_FAILED" ? `rebuild ${name}` : `install ${name}`}`
      })
  })
