/**
 * `doctor`: whether sessions can be kept with these options in this backend, and what will trouble them there.
 */
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { provider } from "../../layers/variables.js"
import type { SessionConfig } from "../../Manager/configSchema.js"
import { overProvider } from "../../Manager/Manager.js"
import { SessionProvider } from "../../Provider/Provider.js"
import { backendIn, configuration, given } from "./configuration.js"
import { cannotConnect, refused } from "./connecting.js"
import { openMariaDb, openPostgresql } from "./databases.js"
import { type Finding, ok, runAll, warning } from "./finding.js"
import type { Open, Opened } from "./opened.js"
import { openCluster, openSentinel, openSingle } from "./redis.js"

export type { Finding, Level } from "./finding.js"

/** How each backend is opened. Memory is in the app's own process, where nobody else can look. */
const backends = {
  memory: undefined,
  redis: openSingle,
  redisCluster: openCluster,
  redisSentinel: openSentinel,
  postgres: openPostgresql,
  mysql: openMariaDb
} as const satisfies Record<string, Open | undefined>

const inMemory: Effect.Effect<ReadonlyArray<Finding>> = Effect.map(given("NODE_ENV"), (environment) => {
  const what = "sessions are in the memory of the app's process: a restart signs everybody out"
  return environment === "production"
    ? [
        warning(
          `${what}, several processes do not share them, and NODE_ENV is production`,
          `keep them in a backend: ${provider}=redis, for example`
        )
      ]
    : [ok(what, `for production name a backend in ${provider}`)]
})

/** Makes, changes and ends a session and a person's record, as the app's first request would. */
const trial = ({ provider, untried }: Opened, config: SessionConfig): Effect.Effect<Finding> =>
  Effect.flatMap(untried, (why) =>
    why !== undefined
      ? Effect.succeed(ok(`not checked: a trial session: ${why}`))
      : provider.pipe(
          Effect.flatMap((made) => Effect.provide(overProvider(config), Layer.succeed(SessionProvider, made))),
          Effect.flatMap(({ health }) => health),
          Effect.match({
            onSuccess: () => ok("a session was made, read, renewed, changed, given another id and ended"),
            onFailure: refused
          }),
          Effect.scoped
        )
  )

const inBackend = (open: Open, config: SessionConfig): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.matchEffect(open(config), {
    onFailure: (error) => Effect.succeed([cannotConnect(error)]),
    onSuccess: (opened) =>
      // One after the other: a check that counts sessions does not count the trial's.
      Effect.map(
        Effect.all([trial(opened, config), runAll(opened.checks)]),
        ([tried, found]): ReadonlyArray<Finding> => [ok("connected"), tried, ...found]
      )
  }).pipe(Effect.scoped)

/**
 * Looks at the environment, connects to the backend that it names, keeps a trial session there and runs the checks of this kind
 * of backend. It never fails: what cannot be looked at is a finding too. Nothing but the trial session is written.
 */
export const diagnose: Effect.Effect<ReadonlyArray<Finding>> = Effect.flatMap(configuration, ({ config, findings }) =>
  Effect.flatMap(backendIn(provider, backends), (name = "memory") =>
    Effect.map(
      typeof name === "object"
        ? Effect.succeed([name])
        : config === undefined
          ? Effect.succeed([ok("not checked: the backend, until the variables are right")])
          : backends[name] === undefined
            ? inMemory
            : inBackend(backends[name], config),
      (found) => [...findings, ...found]
    )
  )
)
