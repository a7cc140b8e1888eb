/**
 * Sessions in files: durable without a server, and safe with several processes on one directory of a local POSIX file system.
 *
 * @since 0.1.0
 */
import { promises as fs } from "node:fs"
import { join, resolve } from "node:path"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { SessionError, tooLarge, unavailable } from "../SessionError.js"
import { FileTree } from "./internal/FileTree.js"
import * as Folder from "./internal/sessionFolder.js"
import * as Provider from "./Provider.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where sessions are kept. It is created, for this user alone, if it is not there. Nothing else should be in it. */
  readonly directory: string
  /**
   * Whether a write waits until the disk has it, so that it survives a power failure too. Default false: it survives the end of the
   * process.
   */
  readonly fsync?: boolean | undefined
}

const capabilities = Provider.defaultCapabilities

/** Sessions that garbage collection looks at between two chances for others to go on. */
const batchSize = 64

/**
 * A provider that keeps sessions in a directory. Fails with `InvalidConfig` where the directory cannot be used.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ directory, fsync = false }: Options): Effect.Effect<Provider.Provider, SessionError> =>
  Effect.map(
    Effect.tryPromise({
      try: async () => {
        const path = resolve(directory)
        await fs.mkdir(join(path, "tmp"), { recursive: true, mode: 0o700 })
        const tree = new FileTree(await fs.realpath(path), fsync)
        await tree.check()
        return tree
      },
      catch: (cause) =>
        new SessionError({
          reason: "InvalidConfig",
          message: `directory: cannot keep sessions in it: ${unavailable("file", "writing", cause).message}`
        })
    }),
    fromTree
  )

const fromTree = (tree: FileTree): Provider.Provider => {
  const call = <A>(operation: string, f: (now: number) => Promise<A>): Effect.Effect<A, SessionError> =>
    Effect.clockWith((clock) =>
      Effect.tryPromise({
        try: () => f(clock.unsafeCurrentTimeMillis()),
        catch: (cause) => unavailable("file", operation, cause)
      })
    )

  const ifFits = <A>(payload: Uint8Array, effect: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
    payload.length > capabilities.maxPayload
      ? Effect.fail(tooLarge("file", payload.length, capabilities.maxPayload))
      : effect

  const readLive = async (id: Provider.StoredId, now: number): Promise<Provider.Stored | undefined> => {
    const folder = tree.folderOf(id)
    const stored = folder === undefined ? undefined : await Folder.read(folder)
    return stored === undefined || stored.expiresAt <= now ? undefined : stored
  }

  /** The folder of a live session at `revision`, for a conditional change; else why it must not be. */
  const at = async (id: Provider.StoredId, revision: string, now: number) => {
    const folder = tree.folderOf(id)
    const found = folder === undefined ? undefined : await tree.live(folder, now)
    return folder === undefined || found === undefined
      ? Provider.gone
      : found.nonce === revision
        ? { folder, found }
        : why(id, now)
  }

  const why = async (id: Provider.StoredId, now: number): Promise<Provider.Conflict | Provider.Gone> => {
    const current = await readLive(id, now)
    return current === undefined ? Provider.gone : Provider.conflict(current)
  }

  const sessions = Stream.unwrap(
    Effect.clockWith((clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      return Effect.succeed(
        Stream.fromAsyncIterable(tree.folders(), (cause) => unavailable("file", "list", cause)).pipe(
          Stream.mapEffect(({ id, path }) =>
            Effect.map(
              call("list", () => tree.live(path, now)),
              (found) => (found === undefined ? Option.none() : Option.some(id))
            )
          ),
          Stream.filterMap((id) => id)
        )
      )
    })
  )

  return {
    name: "file",
    capabilities,
    read: (id) =>
      Effect.map(
        call("read", (now) => readLive(id, now)),
        Option.fromNullable
      ),
    create: (id, payload, ttl) =>
      ifFits(
        payload,
        call("create", async (now) => {
          const nonce = Folder.newNonce()
          const expiresAt = now + Duration.toMillis(ttl)
          return (await tree.place(id, nonce, payload, expiresAt, now))
            ? Provider.written(nonce, expiresAt)
            : Provider.exists
        })
      ),
    write: (id, payload, ttl, revision) =>
      ifFits(
        payload,
        call("write", async (now) => {
          const place = await at(id, revision, now)
          if ("_tag" in place) {
            return place
          }
          const nonce = Folder.newNonce()
          const expiresAt = now + Duration.toMillis(ttl)
          return (await Folder.replace(place.folder, place.found, nonce, payload, expiresAt, tree.fsync))
            ? Provider.written(nonce, expiresAt)
            : why(id, now)
        })
      ),
    touch: (id, ttl) =>
      call("touch", async (now) => {
        const folder = tree.folderOf(id)
        const expiresAt = now + Duration.toMillis(ttl)
        for (let attempt = 0; folder !== undefined && attempt < 20; attempt++) {
          const found = await tree.live(folder, now)
          if (found === undefined) {
            break
          }
          if (await Folder.touch(folder, found, expiresAt)) {
            return Provider.touched(expiresAt)
          }
        }
        return Provider.gone
      }),
    exists: (id) =>
      call("exists", async (now) => {
        const folder = tree.folderOf(id)
        return folder !== undefined && (await tree.live(folder, now)) !== undefined
      }),
    destroy: (id) =>
      call("destroy", async () => {
        const folder = tree.folderOf(id)
        if (folder !== undefined) {
          await tree.retire(folder)
        }
      }),
    regenerate: (oldId, newId, payload, ttl, revision) =>
      ifFits(
        payload,
        call("regenerate", async (now) => {
          const place = await at(oldId, revision, now)
          if ("_tag" in place) {
            return place
          }
          const nonce = Folder.newNonce()
          const expiresAt = now + Duration.toMillis(ttl)
          // The new one first: nobody knows its id yet. A process that dies here leaves the old session as it was.
          if (!(await tree.place(newId, nonce, payload, expiresAt, now))) {
            throw new Error("the new id is taken")
          }
          if (!(await Folder.leave(place.folder, place.found))) {
            await tree.retire(tree.folderOf(newId)!)
            return why(oldId, now)
          }
          await tree.retire(place.folder)
          return Provider.written(nonce, expiresAt)
        })
      ),
    count: Stream.runCount(sessions),
    ids: sessions,
    gc: Effect.clockWith((clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      return Effect.zipRight(
        call("gc", () => tree.sweep()),
        Stream.fromAsyncIterable(tree.folders(), (cause) => unavailable("file", "gc", cause)).pipe(
          Stream.grouped(batchSize),
          Stream.mapEffect((batch) =>
            call("gc", async () => {
              const collected = await Promise.all([...batch].map(({ path }) => tree.collect(path, now)))
              return collected.filter((expired) => expired).length
            })
          ),
          Stream.runSum
        )
      )
    })
  }
}

/**
 * A layer of {@link make}.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as File from "effect-session/file"
 *
 * const SessionLive = SessionLayer.make(File.layer({ directory: "./sessions", fsync: true }))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, make(options))

/**
 * {@link layer} with its options from the environment: the directory in `SESSION_URL`, and `SESSION_FSYNC`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Provider.SessionProvider, SessionError | ConfigError.ConfigError> =
  Layer.unwrapEffect(
    Config.map(
      Config.all({
        directory: Config.nonEmptyString("SESSION_URL").pipe(
          Config.withDescription("the directory in which SESSION_PROVIDER=file keeps sessions")
        ),
        fsync: Config.withDefault(Config.boolean("SESSION_FSYNC"), false)
      }),
      layer
    )
  )
