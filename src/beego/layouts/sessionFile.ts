/**
 * A session in one file, in beego's format, and how it is changed beside beego, which writes into the file in place,
 * and beside other processes that use this module.
 */
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { Failure, stayedLocked } from "../../internal/failure.js"
import * as Disk from "../../Provider/file/disk.js"
import { FolderLock } from "./folderLock.js"

/** The place of the file, and the folder that is its lock. */
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
 * All times that this module writes are multiples of it, in milliseconds: 1/64 second, which Node passes to the file
 * system exactly. So a file with another time is one that beego wrote last, and may still be writing.
 */
export const timeUnit = 1000 / 64

const nanosPerUnit = BigInt(timeUnit * 1e6)

/**
 * How long, in milliseconds, beego must have left a file alone: it truncates the file and then writes it in one go. An
 * empty file must have been seen empty for that long, since the file system truncates it before it changes its times.
 */
const settlesAfter = { empty: 100, other: 10 }

/** How long to wait for that, in milliseconds. After that the content is taken as it is. */
const settlesWithin = 500

/** The content of a removed session for a moment: empty, and long expired. */
const tombstone: Content = { payload: new Uint8Array(0), written: 0 }

/** Returns a function that decides whether a file is complete, from this look at it and the earlier ones. */
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

/** The time of the last write, in whole milliseconds, rounded up. */
export const writtenAt = ({ mtimeNs }: fs.BigIntStats): number => Number((mtimeNs + 999_999n) / 1_000_000n)

/** Runs `use` on the open file. Returns undefined if there is no file, or something else in its place. */
export const withFile = <A>(
  place: Place,
  use: (fd: number, stat: fs.BigIntStats) => A | Promise<A>
): Promise<A | undefined> => Disk.holding(() => withFileNow(place, use))

const withFileNow = async <A>(
  { folder, path }: Place,
  use: (fd: number, stat: fs.BigIntStats) => A | Promise<A>
): Promise<A | undefined> => {
  if (!Disk.isReal(folder)) {
    return undefined
  }
  const fd = await Disk.open(path).async().catch(Disk.ifAbsent(undefined))
  if (fd === undefined) {
    return undefined
  }
  try {
    const stat = fs.fstatSync(fd, { bigint: true })
    return stat.isFile() ? await use(fd, stat) : undefined
  } finally {
    fs.closeSync(fd)
  }
}

/** Reads the file, and reads it again while beego may be writing it, or others replace it. */
export const load = async (place: Place): Promise<Content | undefined> => {
  const isSettled = makeSettled()
  let giveUpAt = performance.now() + settlesWithin
  for (;;) {
    const read = await withFile(place, async (fd, before) => {
      const payload = await Disk.readAll(fd, Number(before.size))
      const after = fs.fstatSync(fd, { bigint: true })
      const isStill =
        before.ctimeNs === after.ctimeNs && before.size === after.size && payload.length === Number(after.size)
      return {
        isReplaced: after.nlink === 0n,
        isSettled: isSettled(after),
        isStill,
        payload,
        written: writtenAt(after)
      }
    })
    if (read === undefined || (read.isStill && read.isSettled)) {
      return read
    }
    if (read.isReplaced) {
      giveUpAt = performance.now() + settlesWithin
    } else if (performance.now() > giveUpAt) {
      if (read.isStill && read.payload.length > 0) {
        return read
      }
      throw new Failure("others write it all the time", "try again later")
    }
    await sleep(5)
  }
}

/**
 * Sets the file's time if `isWanted` still allows it. The content stays, even if another process writes it meanwhile.
 */
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
      // Otherwise a file that beego has truncated, and not written yet, would look like one of ours.
      if (!isSettled(stat) && performance.now() < giveUpAt) {
        return undefined
      }
      fs.futimesSync(fd, written / 1000, written / 1000)
      if (fs.fstatSync(fd, { bigint: true }).size !== stat.size) {
        // beego truncated it at this very moment, so set a time that is not one of ours.
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

/** How long to wait for a lock that stays with the same holder, in milliseconds. */
const patience = 10_000

/** The change of a session: its new content, or its end. */
export type Change = Content | "removed"

/**
 * Changes a session, unless `refuse` gives a reason not to, which is returned. `refuse` is asked again once no other
 * process can change the session.
 *
 * @param work A folder of the same file system, for prepared locks.
 */
export const change = async <A>(
  work: string,
  place: Place,
  change: Change,
  refuse: (found: Content | undefined) => A | undefined
): Promise<A | "done"> => {
  const { payload, written } = change === "removed" ? tombstone : change
  for (;;) {
    const refused = refuse(await load(place))
    if (refused !== undefined) {
      return refused
    }
    const lock = new FolderLock(work, place.lock)
    try {
      await lock.prepare(payload, written)
      const outcome = await attempt(lock, place, refuse)
      if (outcome === "done" && change === "removed") {
        await Disk.remove(place.path).async().catch(Disk.ifAbsent(undefined))
      }
      if (outcome !== "broken") {
        return outcome
      }
    } finally {
      await lock.release()
    }
  }
}

/**
 * Takes the lock and publishes the prepared file, unless `refuse` now gives a reason not to. Returns `broken` if the
 * lock was lost meanwhile.
 */
const attempt = async <A>(
  lock: FolderLock,
  place: Place,
  refuse: (found: Content | undefined) => A | undefined
): Promise<A | "done" | "broken"> => {
  let giveUpAt = performance.now() + patience
  for (;;) {
    const taken = await lock.tryTake()
    // If the lock is not taken, most often another process has changed the session meanwhile; if it is, only beego can
    // from now on.
    const refused = refuse(await load(place))
    if (refused !== undefined) {
      return refused
    }
    if (taken) {
      if (!Disk.isReal(place.folder)) {
        throw Disk.folderReplaced()
      }
      return (await lock.publish(place.path)) ? "done" : "broken"
    }
    if ((await lock.checkHolder()) !== "held") {
      giveUpAt = performance.now() + patience
    } else if (performance.now() > giveUpAt) {
      throw stayedLocked()
    }
    await sleep(1 + Math.random() * 4)
  }
}
