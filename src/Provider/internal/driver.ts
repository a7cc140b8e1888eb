/**
 * Packages that an app installs only where it uses them. Each is imported when its layer is built, by a name that bundlers do not see: so
 * an app is bundled without drivers that are not there, and a driver stays outside of the bundle, as those with native code have to.
 */
import * as Effect from "effect/Effect"
import { SessionError } from "../../SessionError.js"

interface Drivers {
  readonly "@effect/sql-mysql2": typeof import("@effect/sql-mysql2")
  readonly "@effect/sql-pg": typeof import("@effect/sql-pg")
  readonly "better-sqlite3": { readonly default: typeof import("better-sqlite3") }
  readonly couchbase: typeof import("couchbase")
  readonly ioredis: Pick<typeof import("ioredis"), "Cluster" | "Redis">
  readonly "sodium-native": { readonly default: typeof import("sodium-native") }
}

/** The package `name`. Fails with `InvalidConfig` if it cannot be loaded; `user` is what needs it, for the message. */
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
        message: `${user}: ${name} could not be loaded; install it (${
          cause instanceof Error ? cause.message.split("\n")[0] : "unknown error"
        })`
      })
  })
