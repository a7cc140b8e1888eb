/**
 * The lock of a session that is one file: a folder with one file in it, which will take the place of the session's
 * file.
 *
 * To take the lock, a process renames a prepared folder to the lock's name, which the file system does only if there is
 * nothing with that name, or an empty folder. To change the session, it renames the file out of the folder, which ends
 * the lock as well. A process that takes a holder for dead removes the holder's file by its name, which no other file
 * has; so a holder that was merely slow can no longer change anything. A process that is killed leaves the old session
 * or the new one, and a lock that the next process breaks.
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { promisify } from "node:util"
import * as Disk from "../../Provider/file/disk.js"

const lutimes = promisify(fs.lutimes)

/**
 * How long a lock may stay unchanged before its holder is taken for dead, in milliseconds. Holders need a few, unless
 * beego is busy.
 */
const staleAfter = 1_000

export class FolderLock {
  /** The name of this lock's own file. */
  private readonly name = randomUUID()
  private readonly prepared: string
  private taken = false

  /** The file of another holder of the lock, and the time since which it has been seen there. */
  private holder = ""
  private heldSince = 0

  /**
   * @param work A folder of the same file system, for prepared locks.
   * @param lock The path at which the holder of the lock has its folder.
   */
  constructor(
    private readonly work: string,
    private readonly lock: string
  ) {
    this.prepared = `${work}/${this.name}.new`
  }

  /** Creates the folder with the new file in it, whose modification time is given in milliseconds since the epoch. */
  async prepare(payload: Uint8Array, written: number): Promise<void> {
    await Disk.ensureFolder(this.work)
    await Disk.makeFolder(this.prepared)
    const path = `${this.prepared}/${this.name}`
    if (!(await Disk.store(path, payload, false))) {
      throw Disk.folderReplaced()
    }
    await lutimes(path, written / 1000, written / 1000)
  }

  async tryTake(): Promise<boolean> {
    try {
      await Disk.rename(this.prepared, this.lock).async()
      this.taken = true
    } catch (error) {
      if (!Disk.hasCode(error, "ENOTEMPTY", "EEXIST")) {
        throw error
      }
    }
    return this.taken
  }

  /**
   * Reads the holder of the lock, and breaks the lock if it has not changed for too long. Returns `held` if the holder
   * is the same as before and the lock is not broken, because it is too early or because it cannot be.
   */
  async checkHolder(): Promise<"changed" | "held" | "broken"> {
    const [holder = ""] = await Disk.names(this.lock).async()
    if (holder !== this.holder) {
      this.holder = holder
      this.heldSince = performance.now()
      return "changed"
    }
    if (holder === "" || performance.now() - this.heldSince <= staleAfter) {
      return "held"
    }
    return Disk.remove(`${this.lock}/${holder}`)
      .async()
      .then(
        () => "broken",
        () => "held"
      )
  }

  /**
   * Moves the new file to its place, which ends the lock. Returns false if the lock had been broken, and then nothing
   * was changed.
   */
  publish(path: string): Promise<boolean> {
    return Disk.rename(`${this.lock}/${this.name}`, path)
      .async()
      .then(() => true, Disk.ifAbsent(false))
  }

  /** Removes what is left of the lock, whether it was taken, broken, published or none of these. */
  release(): Promise<void> {
    return Disk.clear(this.taken ? this.lock : this.prepared, [this.name])
  }
}

/** How old the folder of a dead process must be to be removed, in milliseconds: far longer than any change takes. */
const leftoverAge = 60 * 60 * 1000

/** Removes the folders that dead processes left. */
export const collectLeftovers = async (work: string): Promise<void> => {
  for (const folder of await Disk.paths(work, /./)) {
    if (Disk.age(folder) > leftoverAge && Disk.isReal(folder)) {
      await Disk.clear(folder, await Disk.names(folder).async())
    }
  }
}
