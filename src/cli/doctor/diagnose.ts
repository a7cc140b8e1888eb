/**
 * `doctor`: whether sessions can be kept with these options in this backend, and what will trouble them there.
 */
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import type { ProviderName } from "../../layers/backends.js"
import { provider } from "../../layers/variables.js"
import type { SessionConfig } from "../../Manager/configSchema.js"
import { type Manager, overProvider, overSealed } from "../../Manager/Manager.js"
import * as Cookie from "../../Provider/Cookie.js"
import { variables } from "../../Provider/internal/environment.js"
import { type Provider, SessionProvider } from "../../Provider/Provider.js"
import { backendIn, configuration, given } from "./configuration.js"
import { cannotConnect, refused } from "./connecting.js"
import { openMariaDb, openPostgresql } from "./databases.js"
import { openFile } from "./file.js"
import { type Finding, ok, runAll, shown, warning, wrong } from "./finding.js"
import { keysFor, sealing } from "./keys.js"
import { openMemcached } from "./memcached.js"
import type { CannotOpen, Open } from "./opened.js"
import { openCluster, openSentinel, openSingle } from "./redis.js"
import { openCouchbase, openLedis, openSsdb } from "./smaller.js"
import { openSqlite } from "./sqlite.js"

/** How each backend that keeps sessions is opened. Memory is in the app's own process, where nobody else can look. */
const keeping = {
  memory: undefined,
  file: openFile,
  redis: openSingle,
  redisCluster: openCluster,
  redisSentinel: openSentinel,
  ledis: openLedis,
  ssdb: openSsdb,
  mysql: openMariaDb,
  postgres: openPostgresql,
  sqlite: openSqlite,
  memcached: openMemcached,
  couchbase: openCouchbase
} as const satisfies Record<ProviderName, Open | undefined>

const backends = { ...keeping, cookie: undefined } as const

type Findings = Effect.Effect<ReadonlyArray<Finding>>

const inMemory: Findings = Effect.map(given("NODE_ENV"), (environment) => {
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

/** Makes a manager over what keeps the sessions, for a trial. */
type Managed = (provider: Provider) => Effect.Effect<Manager, CannotOpen, Scope.Scope>

const kept = "a session was made, read, renewed, changed, given another id and ended"

/** Makes, changes and ends a session and a person's record, as the app's first request would. */
const trial = (
  manager: Effect.Effect<Manager, CannotOpen, Scope.Scope>,
  done = kept
): Effect.Effect<Finding, never, Scope.Scope> =>
  Effect.match(
    Effect.flatMap(manager, ({ health }) => health),
    { onSuccess: () => ok(done), onFailure: refused }
  )

/** @param untrusted Why no trial can be made, whatever the backend is. */
const inBackend = (open: Open, config: SessionConfig, managed: Managed, untrusted: string | undefined): Findings =>
  Effect.matchEffect(open(config), {
    onFailure: (error) => Effect.succeed([cannotConnect(error)]),
    onSuccess: ({ checks, provider, untried = Effect.succeed(undefined) }) =>
      Effect.flatMap(untried, (missing) => {
        const why = untrusted ?? missing
        const tried: Effect.Effect<ReadonlyArray<Finding>, never, Scope.Scope> = why !== undefined
          ? Effect.succeed([ok(`not checked: a trial session: ${why}`)])
          : Effect.matchEffect(provider, {
              onFailure: (error) => Effect.succeed([refused(error)]),
              onSuccess: (made) =>
                Effect.map(Effect.all([trial(managed(made)), runAll(sealing(made, config))]), ([one, more]) => [
                  one,
                  ...more
                ])
            })
        // One after the other: a check that counts sessions does not count the trial's.
        return Effect.map(Effect.all([tried, runAll(checks)]), (found) => found.flat())
      })
  }).pipe(Effect.scoped)

const onServer =
  (config: SessionConfig): Managed =>
  (made) =>
    Effect.provide(overProvider(config), Layer.succeed(SessionProvider, made))

/** Sealed cookies, with or without a backend that records which sessions have ended. */
const onClient =
  (config: SessionConfig) =>
  (revocations: Layer.Layer<SessionProvider> | undefined): ReturnType<Managed> =>
    Effect.flatMap(Layer.build(Cookie.layerFromEnv(revocations)), (context) =>
      Effect.provide(overSealed(config), Layer.succeedContext(context))
    )

/** What a cookie is worth that somebody kept. */
const copies = "anyone who kept a copy of a session's cookie can use it until it expires, even after sign-out"

const inCookies = (config: SessionConfig, untrusted: string | undefined): Findings =>
  Effect.flatMap(backendIn(variables.revocations, keeping), (name) => {
    const sealed = onClient(config)
    const own = Effect.scoped(
      untrusted === undefined
        ? Effect.map(trial(sealed(undefined), "sessions can be sealed in cookies with these keys"), (one) => [one])
        : Effect.succeed([])
    )
    const mends = `name a backend in ${variables.revocations} that records which sessions have ended`
    if (name === undefined) {
      return Effect.map(own, (found) => [...found, ok(`${variables.revocations} is not set: ${copies}`, mends)])
    }
    if (typeof name === "object") {
      return Effect.succeed([name])
    }
    const open = keeping[name]
    return open === undefined
      ? Effect.map(own, (found) => [
          ...found,
          warning(`${variables.revocations} is memory: after a restart, and in other processes, ${copies}`, mends)
        ])
      : inBackend(open, config, (made) => sealed(Layer.succeed(SessionProvider, made)), untrusted)
  })

/**
 * Looks at the environment, connects to the backend that it names, keeps a trial session there and runs the checks of this kind
 * of backend. It never fails: what cannot be looked at is a finding too. Nothing but the trial session is written.
 */
export const diagnose: Findings = Effect.gen(function* () {
  const { config, findings } = yield* configuration
  const named = yield* backendIn(provider, backends)
  if (typeof named === "object") {
    return [...findings, named]
  }
  const name = named ?? "memory"
  const keys = yield* keysFor(name === "cookie" ? "cookie" : "at-rest")
  const said = [...findings, ...keys]
  if (config === undefined) {
    return [...said, ok("not checked: the backend, until the variables are right")]
  }
  const untrusted = keys.some(({ level }) => level === "wrong") ? "the app does not start with these keys" : undefined
  const open = name === "cookie" ? undefined : keeping[name]
  const found =
    name === "cookie"
      ? yield* inCookies(config, untrusted)
      : open === undefined
        ? yield* inMemory
        : yield* inBackend(open, config, onServer(config), untrusted)
  return [...said, ...found]
}).pipe(
  Effect.catchDefect((defect) =>
    Effect.succeed([
      wrong(`the backend could not be looked at (${shown(defect)})`, "this is a mistake in effect-session: report it")
    ])
  )
)
