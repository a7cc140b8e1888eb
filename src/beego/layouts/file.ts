/**
 * beego's `file` provider: the session `id` is in `<directory>/<its first character>/<its second>/<id>`, as bare bytes;
 * the file's modification time is the time of its last use. The Go app must run as the same user: files and folders
 * created here are for this user only.
 *
 * Among processes that use this module no update is lost. beego takes no part in that: if it writes at the same time as
 * this module, one of the two updates is lost, as with two writes of beego's own. A file that beego is writing is read
 * again until it has been left alone. Only if the Go app is held up between truncating the file and writing it can the
 * session look empty, and then it does for beego as well.
 */
import type { BigIntStats } from "node:fs"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Stream from "#effect/Stream"
import * as Disk from "../../Provider/file/disk.js"
import { call, explained } from "../../Provider/file/explained.js"
import { type Directory, openDirectory } from "../../Provider/file/openDirectory.js"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import * as Provider from "../../Provider/Provider.js"
import type { SessionError } from "../../SessionError.js"
import { collectLeftovers } from "./folderLock.js"
import { checkMaxLifetime, inMillis } from "./lastWrite.js"
import * as SessionFile from "./sessionFile.js"

export interface Options {
  /** beego's `savePath`. Created if it does not exist. Other users must not be able to write in it. */
  readonly directory: string
  /** beego's `Maxlifetime`: how long a session lives after it was last written. */
  readonly maxLifetime: Duration.Input
}

/** Whether this can be a session's file: a name that cannot lead to another path. */
const isKey = (id: string): boolean => /^[A-Za-z0-9_-]{2,128}$/.test(id)

/** How many sessions a walk over all of them looks at in parallel. */
const batchSize = 16

const makeStore = (opened: Directory, maxLifetime: number): ForeignProvider.ForeignStore => {
  const directory = opened.path
  const { expiresAt, store } = inMillis(maxLifetime, SessionFile.timeUnit)
  // beego's garbage collection gives up if something vanishes while it looks at it. It goes in alphabetical order, so
  // it gets here last.
  const work = `${directory}/~effect-session`

  const place = (id: string): SessionFile.Place => {
    const folder = `${directory}/${id[0]}/${id[1]}`
    return { folder, path: `${folder}/${id}`, lock: `${work}/${id}` }
  }

  const isLive = (written: number, now: number): boolean => expiresAt(written) > now

  const live = (found: SessionFile.Content | undefined, now: number): SessionFile.Content | undefined =>
    found !== undefined && isLive(found.written, now) ? found : undefined

  /** The reason not to change a session that was read, if there is one. */
  const unlessAt = (revision: Provider.Revision, now: number) => (found: SessionFile.Content | undefined) => {
    const content = live(found, now)
    return content === undefined
      ? ("gone" as const)
      : ForeignProvider.sha1(content.payload) === revision
        ? undefined
        : ("changed" as const)
  }

  const isLiveFile = (id: string, now: number) =>
    SessionFile.withFile(place(id), (_, stat: BigIntStats) => isLive(SessionFile.writtenAt(stat), now))

  /** The ids of all sessions, live or not, a few at a time. */
  async function* all(): AsyncGenerator<ReadonlyArray<string>> {
    for (const first of await Disk.paths(directory, /^[A-Za-z0-9_-]$/)) {
      for (const second of await Disk.paths(first, /^[A-Za-z0-9_-]$/)) {
        const start = `${first.at(-1)}${second.at(-1)}`
        const names = (await Disk.paths(second, /./)).map((path) => path.slice(second.length + 1))
        const ids = names.filter((name) => isKey(name) && name.startsWith(start))
        for (let i = 0; i < ids.length; i += batchSize) {
          yield ids.slice(i, i + batchSize)
        }
      }
    }
  }

  /** The ids for which `visit` returns true. */
  const walk = (visit: (id: string, now: number) => Promise<boolean | undefined>) =>
    Stream.suspend(() => Stream.fromAsyncIterable(all(), explained)).pipe(
      Stream.mapEffect((ids) =>
        call(async (now) => {
          const answers = await Promise.all(ids.map((id) => visit(id, now)))
          return ids.filter((_, i) => answers[i] === true) as ReadonlyArray<string> as ReadonlyArray<Provider.StoredId>
        })
      ),
      Stream.flattenIterable
    )

  /** Removes a session if it has expired. Returns whether it did. */
  const collect = async (id: string, now: number): Promise<boolean> => {
    if ((await isLiveFile(id, now)) !== false) {
      return false
    }
    const result = await SessionFile.change(work, place(id), "removed", (found) =>
      found === undefined || isLive(found.written, now) ? "kept" : undefined
    )
    return result === "done"
  }

  return {
    name: "file",
    capabilities: { ...Provider.defaultCapabilities, expirySlack: Math.ceil(SessionFile.timeUnit) },
    isKey,
    get: (id) =>
      call(async (now) => {
        const found = live(await SessionFile.load(place(id)), now)
        return found && { payload: found.payload, expiresAt: expiresAt(found.written) }
      }),
    add: (id, payload, ttl) =>
      call(async (now) => {
        const written = store(now, ttl)
        const { folder } = place(id)
        if (!Disk.isReal(folder)) {
          await opened.ensureFolder(`${directory}/${id[0]}`)
          await opened.ensureFolder(folder)
        }
        const result = await SessionFile.change(work, place(id), { payload, written }, (found) =>
          live(found, now) === undefined ? undefined : "taken"
        )
        return result === "done" ? expiresAt(written) : undefined
      }).pipe(Effect.tap(opened.told)),
    replace: (id, payload, ttl, revision) =>
      call(async (now) => {
        const written = store(now, ttl)
        const result = await SessionFile.change(work, place(id), { payload, written }, unlessAt(revision, now))
        return result === "done" ? expiresAt(written) : result
      }),
    removeAt: (id, revision) => call((now) => SessionFile.change(work, place(id), "removed", unlessAt(revision, now))),
    remove: (id) =>
      Effect.asVoid(
        call(() =>
          SessionFile.change(work, place(id), "removed", (found) => (found === undefined ? "gone" : undefined))
        )
      ),
    touch: (id, ttl) =>
      call(async (now) => {
        const written = store(now, ttl)
        const done = await SessionFile.setTime(place(id), written, (stat) => isLive(SessionFile.writtenAt(stat), now))
        return done ? expiresAt(written) : undefined
      }),
    count: Stream.runCount(walk(isLiveFile)),
    list: walk(isLiveFile),
    gc: Effect.suspend(() => {
      // A session that cannot be removed must not keep the rest from being removed.
      let failure: unknown
      const collected = walk((id, now) =>
        collect(id, now).catch((cause) => {
          failure ??= explained(cause)
          return false
        })
      )
      return Stream.runCount(collected).pipe(
        Effect.tap(call(() => collectLeftovers(work))),
        Effect.filterOrFail(
          () => failure === undefined,
          () => failure
        )
      )
    })
  }
}

/**
 * Makes a provider in beego's directory. Fails with `InvalidConfig` if the directory or the lifetime cannot be used.
 */
export const make = ({ directory, maxLifetime }: Options): Effect.Effect<Provider.Provider, SessionError> =>
  Effect.map(
    Effect.all([
      openDirectory({ directory, option: "directory", strict: false, folders: /^([A-Za-z0-9_-]|~effect-session)$/ }),
      checkMaxLifetime(maxLifetime)
    ]),
    ([opened, millis]) => ForeignProvider.make(makeStore(opened, millis))
  )

/**
 * Provides sessions in beego's directory. Fails with `InvalidConfig` if the directory or the lifetime cannot be used.
 */
export const layer = (options: Options): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, make(options))
