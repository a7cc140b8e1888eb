/**
 * Sessions in files: durable without a server, and safe with several processes on one directory of a local POSIX file
 * system.
 *
 * @since 3.0.0
 */
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import type { SessionError } from "../SessionError.js"
import { call, explained } from "./file/explained.js"
import { openDirectory } from "./file/openDirectory.js"
import { SessionFiles } from "./file/sessionFiles.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import { expiry } from "./internal/time.js"
import * as Provider from "./Provider.js"

/**
 * The options of sessions in files.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The directory of the sessions, on a local file system. It is created, for this user only, if it does not exist.
   * Other users must not be able to write in it, nor to replace it.
   */
  readonly directory: string
  /**
   * Whether a change waits until it is on disk, so that it survives a power failure too. Default false: it survives the
   * end of the process.
   */
  readonly fsync?: boolean | undefined
  /**
   * Whether the folders above the directory, too, must be such that no other user can replace it: each belongs to this
   * user or to root, and nobody else may write in it. Default true, as sshd's option of this name. A sticky folder such
   * as `/tmp` is allowed. Set it to false if only this app has the folders above, as in a container.
   */
  readonly strictModes?: boolean | undefined
}

const leaving = (mark: Provider.Mark | undefined, now: number) =>
  mark && { content: mark.content, expiresAt: expiry(now, mark.ttl) }

/**
 * Makes a provider that keeps sessions in a directory. Fails with `InvalidConfig` if the directory cannot be used.
 *
 * @example
 * import * as File from "effect-session/file"
 *
 * const provider = File.make({ directory: "/var/lib/app/sessions" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Provider.Provider, SessionError> => open(options, "directory")

/** @param option The user's name for the directory's option, for messages. */
const open = (
  { directory, fsync = false, strictModes = true }: Options,
  option: string
): Effect.Effect<Provider.Provider, SessionError> =>
  Effect.map(openDirectory({ directory, option, strict: strictModes, folders: /^(people-)?[0-9a-f]{2}$/ }), (opened) =>
    fromFiles(new SessionFiles(opened, fsync, ""), new SessionFiles(opened, fsync, "people-"), opened.told)
  )

/** The operations that sessions and the records of people share. `told` tells the log what became of the directory. */
const keptIn = (
  files: SessionFiles,
  told: Effect.Effect<void>
): Pick<Provider.Records<unknown>, "read" | "create" | "write"> => ({
  read: (id) =>
    Effect.map(
      call((now) => files.read(id, now)),
      Option.fromNullishOr
    ),
  create: (id, payload, ttl) =>
    Effect.tap(
      call((now) => files.create(id, payload, expiry(now, ttl), now)),
      told
    ),
  write: (id, payload, ttl, revision) =>
    call((now) => files.replace({ oldId: id, newId: id, payload, expiresAt: expiry(now, ttl), revision }, now))
})

const fromFiles = (files: SessionFiles, people: SessionFiles, told: Effect.Effect<void>): Provider.Provider => {
  /** The results of `visit` for all sessions, or records, live or not, a few at a time. */
  const walk = <A>(files: SessionFiles, visit: (folder: string, now: number) => Promise<A>) =>
    Stream.suspend(() => Stream.fromAsyncIterable(files.folders(), explained)).pipe(
      Stream.mapEffect((folders) => call((now) => Promise.all(folders.map((folder) => visit(folder, now))))),
      Stream.flattenIterable
    )

  const countTrue = (answers: Stream.Stream<boolean, unknown>): Effect.Effect<number, unknown> =>
    Stream.runCount(Stream.filter(answers, (answer) => answer))

  return Provider.make({
    name: "file",
    capabilities: Provider.defaultCapabilities,
    ...keptIn(files, told),
    touch: (id, ttl) => call((now) => files.touch(id, expiry(now, ttl), now)),
    exists: (id) => call((now) => files.exists(id, now)),
    destroy: (id, mark) => call((now) => files.destroy(id, now, leaving(mark, now))),
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) =>
      call((now) =>
        files.replace({ oldId, newId, payload, expiresAt: expiry(now, ttl), revision, mark: leaving(mark, now) }, now)
      ),
    marked: (id) =>
      Effect.map(
        call((now) => files.marked(id, now)),
        Option.fromNullishOr
      ),
    principals: {
      ...keptIn(people, told),
      destroy: (id) => call((now) => people.destroy(id, now))
    },
    count: countTrue(walk(files, (folder, now) => files.isLive(folder, now))),
    list: Stream.filter(
      walk(files, (folder, now) => files.idOf(folder, now)),
      (id) => id !== undefined
    ),
    gc: Effect.suspend(() => {
      // A session that cannot be removed must not keep the rest from being removed.
      let failure: unknown
      const collect = (files: SessionFiles) =>
        countTrue(
          walk(files, (folder, now) =>
            files.collect(folder, now).then(
              (removed) => removed === "session",
              (cause) => {
                failure ??= explained(cause)
                return false
              }
            )
          )
        )
      return Effect.filterOrFail(
        Effect.tap(collect(files), collect(people)),
        () => failure === undefined,
        () => failure
      )
    })
  })
}

const names: Names<Options> = { directory: "required", fsync: "optional", strictModes: "optional" }

/**
 * Provides sessions in files. Fails with `InvalidConfig` if the directory cannot be used.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as File from "effect-session/file"
 *
 * const SessionLive = SessionLayer.make(File.layer({ directory: "./sessions", fsync: true }))
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(names, options, make))

/**
 * Provides sessions in files with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as File from "effect-session/file"
 *
 * const Sessions = File.layerConfig({ directory: Config.String("STORE_DIRECTORY") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Options> = Environment.configured(layer)

/**
 * Provides sessions in files with options from the environment: `SESSION_URL`, which is the directory,
 * `SESSION_FSYNC` and `SESSION_STRICT_MODES`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as File from "effect-session/file"
 *
 * const SessionLive = SessionLayer.make(File.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = Layer.effect(
  Provider.SessionProvider,
  Effect.flatMap(
    Config.all({
      directory: Environment.path("the directory"),
      fsync: Config.withDefault(Config.Boolean(Environment.variables.fsync), false),
      strictModes: Config.withDefault(Config.Boolean(Environment.variables.strictModes), true)
    }),
    (options) => open(options, Environment.variables.url)
  )
)
