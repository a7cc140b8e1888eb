/**
 * A session in one file, as beego keeps it, and how it is changed: beside beego, which writes into the file as it is, and beside other
 * processes that do the same as this one.
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import * as Folder from "../../Provider/file/sessionFolder.js"

const rename = promisify(fs.rename)
const unlink = promisify(fs.unlink)
const readdir = promisify(fs.readdir)
const lutimes = promisify(fs.lutimes)

/** Where the file is, and the folder that is its lock. */
export interface Place {
  readonly path: string
  readonly folder: string
  readonly lock: string
}

export interface Content {
  readonly payload: Uint8Array
  /** The file's modification time, in milliseconds since the epoch. */
  readonly written: number
}

/**
 * All times that this writes are multiples of it, in milliseconds: 1/64 second, which Node hands on to the file system exactly. So a
 * file with another time is one that beego wrote last, and may still be writing.
 */
export const timeUnit = 1000 / 64

const nanosPerUnit = BigInt(timeUnit * 1e6)

/**
 * For how long, in milliseconds, beego must have left a file alone: it cuts it to nothing and then writes it in one go. An empty one
 * must have been seen so for that long, since the file system cuts it before it changes its times.
 */
const settlesAfter = { empty: 100, other: 10 }

/** How long to wait for that before the content is taken as it is, in milliseconds. */
const settlesWithin = 500

/** What a removed session is for a moment: nothing, and long expired. */
const tombstone: Content = { payload: new Uint8Array(0), written: 0 }

/** Tells whether a file is complete, from this look at it and those before. */
const makeSettled = (): ((stat: fs.BigIntStats) => boolean) => {
  let empty = { ctimeNs: -1n, since: 0 }
  return ({ ctimeMs, ctimeNs, mtimeNs, size }) => {
    if (size > 0n) {
      empty = { ctimeNs: -1n, since: 0 }
      return mtimeNs % nanosPerUnit === 0n || Date.now() - Number(ctimeMs) >= settlesAfter.other
    }
    if (empty.ctimeNs !== ctimeNs) {
      empty = { ctimeNs, since: performance.now() }
    }
    return mtimeNs === BigInt(tombstone.written) || performance.now() - empty.since >= settlesAfter.empty
  }
}

/** In whole milliseconds, rounded up. */
export const writtenAt = ({ mtimeNs }: fs.BigIntStats): number => Number((mtimeNs + 999_999n) / 1_000_000n)

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined)

/** Runs `use` on the open file; undefined where there is none, or another thing in its place. */
export const withFile = async <A>(
  { folder, path }: Place,
  use: (fd: number, stat: fs.BigIntStats) => A | Promise<A>
): Promise<A | undefined> => {
  if (!Folder.isReal(folder)) {
    return undefined
  }
  let fd: number
  try {
    fd = await Folder.open(path).later()
  } catch (error) {
    if (Folder.isAbsent(error)) {
      return undefined
    }
    throw error
  }
  try {
    const stat = fs.fstatSync(fd, { bigint: true })
    return stat.isFile() ? await use(fd, stat) : undefined
  } finally {
    fs.closeSync(fd)
  }
}

/** Reads the file; while beego may be writing it, again. */
export const load = async (place: Place): Promise<Content | undefined> => {
  const isSettled = makeSettled()
  const giveUpAt = performance.now() + settlesWithin
  for (;;) {
    const read = await withFile(place, async (fd, before) => {
      const payload = await Folder.readAll(fd, Number(before.size))
      const after = fs.fstatSync(fd, { bigint: true })
      const isStill =
        before.ctimeNs === after.ctimeNs && before.size === after.size && payload.length === Number(after.size)
      return { isSettled: isSettled(after), isStill, payload, written: writtenAt(after) }
    })
    if (read === undefined || (read.isStill && read.isSettled)) {
      return read
    }
    if (performance.now() > giveUpAt) {
      if (read.isStill && read.payload.length > 0) {
        return read
      }
      throw "being written by others all the time"
    }
    await sleep(5)
  }
}

/** Gives the file a time, if `isWanted` still says so. Its content stays, whoever writes it meanwhile. */
export const setTime = async (
  place: Place,
  written: number,
  isWanted: (stat: fs.BigIntStats) => boolean
): Promise<boolean> => {
  const isSettled = makeSettled()
  const giveUpAt = performance.now() + settlesWithin
  for (;;) {
    const done = await withFile(place, (fd, stat) => {
      if (!isWanted(stat)) {
        return false
      }
      // Else a file that beego has cut, and not written yet, would look like one of ours.
      if (!isSettled(stat) && performance.now() < giveUpAt) {
        return undefined
      }
      fs.futimesSync(fd, written / 1000, written / 1000)
      if (fs.fstatSync(fd, { bigint: true }).size !== stat.size) {
        // beego cut it in this very moment: a time that is not one of ours.
        fs.futimesSync(fd, (written + 1) / 1000, (written + 1) / 1000)
      }
      return true
    })
    if (done !== undefined || !(await exists(place))) {
      return done === true
    }
    await sleep(5)
  }
}

const exists = async (place: Place): Promise<boolean> => (await withFile(place, () => true)) === true

/** How long a lock may stay as it is before its holder is taken for dead, in milliseconds. Holders need a few, unless beego is busy. */
const staleAfter = 1_000

/** How long to wait for a lock at all, in milliseconds. */
const patience = 10_000

/** What is to become of a session: its new content, or its end. */
export type Change = Content | "removed"

/**
 * Changes a session, unless `refuse` has a reason not to, which it is told then; it is asked again when nobody else can change it.
 *
 * The lock is a folder with one file in it, which is the very file that is to take the place of the session's. To take the lock is to
 * rename a prepared folder to its name, which the file system does only where it is not there, or empty. To change the session is to
 * rename the file out of it, and that ends the lock as well. Whoever takes a holder for dead removes its file by its name, which no
 * other has: so a holder that was merely slow finds that it cannot change anything any more, and begins again. A process that is
 * killed leaves the old session or the new one, and a lock of which the next one gets rid.
 *
 * @param work A folder of the same file system, for what is prepared.
 */
export const change = async <A>(
  work: string,
  place: Place,
  change: Change,
  refuse: (found: Content | undefined) => A | undefined
): Promise<A | "done"> => {
  const giveUpAt = performance.now() + patience
  const content = change === "removed" ? tombstone : change
  for (;;) {
    const refused = refuse(await load(place))
    if (refused !== undefined) {
      return refused
    }
    const name = randomUUID()
    const prepared = `${work}/${name}.new`
    let at = prepared
    try {
      await prepare(work, prepared, name, content)
      let holder = ""
      let since = 0
      while (!(await take(prepared, place.lock))) {
        // Most often another one has changed the session meanwhile.
        const refusedNow = refuse(await load(place))
        if (refusedNow !== undefined) {
          return refusedNow
        }
        const [token = ""] = await namesIn(place.lock)
        if (token !== holder) {
          holder = token
          since = performance.now()
        } else if (token !== "" && performance.now() - since > staleAfter) {
          await unlink(`${place.lock}/${token}`).catch(() => {})
        } else if (performance.now() > giveUpAt) {
          throw "locked by another process"
        }
        await sleep(1 + Math.random() * 4)
      }
      at = place.lock
      const refusedNow = refuse(await load(place))
      if (refusedNow !== undefined) {
        return refusedNow
      }
      if (await publish(`${place.lock}/${name}`, place)) {
        if (change === "removed") {
          await unlink(place.path).catch(ignoreAbsent)
        }
        return "done"
      }
    } finally {
      await Folder.clear(at, [name])
    }
  }
}

const ignoreAbsent = (error: unknown): void => {
  if (!Folder.isAbsent(error)) {
    throw error
  }
}

const movedAway = "its folder was moved or replaced"

/** Makes the folder if it is not there. */
export const ensureFolder = async (path: string): Promise<void> => {
  if (Folder.isReal(path) === undefined) {
    await Folder.make(path)
  }
  if (!Folder.isReal(path)) {
    throw movedAway
  }
}

/** A folder with the new file in it. */
const prepare = async (work: string, folder: string, name: string, content: Content): Promise<void> => {
  await ensureFolder(work)
  await Folder.make(folder)
  const path = `${folder}/${name}`
  if (!(await Folder.store(path, content.payload, false))) {
    throw movedAway
  }
  await lutimes(path, content.written / 1000, content.written / 1000)
}

const take = async (prepared: string, lock: string): Promise<boolean> => {
  try {
    await rename(prepared, lock)
    return true
  } catch (error) {
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") {
      return false
    }
    throw error
  }
}

/** Ends the lock too. False where the lock was lost. */
const publish = async (token: string, { folder, path }: Place): Promise<boolean> => {
  if (!Folder.isReal(folder)) {
    throw movedAway
  }
  try {
    await rename(token, path)
    return true
  } catch (error) {
    ignoreAbsent(error)
    return false
  }
}

const namesIn = async (folder: string): Promise<ReadonlyArray<string>> => {
  try {
    return await readdir(folder)
  } catch (error) {
    ignoreAbsent(error)
    return []
  }
}

/** How old what a dead process left must be to be removed, in milliseconds: far longer than any change takes. */
const leftoverAge = 60 * 60 * 1000

/** Removes what dead processes left. */
export const collectLeftovers = async (work: string): Promise<void> => {
  for (const folder of await Folder.paths(work, /./)) {
    if (Folder.age(folder) > leftoverAge && Folder.isReal(folder)) {
      await Folder.clear(folder, await namesIn(folder))
    }
  }
}
