/**
 * The lock of a session that is one file: a folder with one file in it, which is the very file that is to take the place of the
 * session's.
 *
 * To take the lock is to rename a prepared folder to its name, which the file system does only where nothing is there, or an empty
 * folder. To change the session is to rename the file out of it, and that ends the lock as well. Whoever takes a holder for dead removes
 * its file by its name, which no other has: so a holder that was merely slow finds that it cannot change anything any more. A process
 * that is killed leaves the old session or the new one, and a lock of which the next one gets rid.
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { promisify } from "node:util"
import * as Disk from "../../Provider/file/disk.js"

const lutimes = promisify(fs.lutimes)

/** How long a lock may stay as it is before its holder is taken for dead, in milliseconds. Holders need a few, unless beego is busy. */
const staleAfter = 1_000

export class FolderLock {
  /** The name of this lock's own file. */
  private readonly name = randomUUID()
  private readonly prepared: string
  private taken = false

  /** The file of who has the lock instead, and since when it has been seen there. */
  private holder = ""
  private heldSince = 0

  /**
   * @param work A folder of the same file system, for what is prepared.
   * @param lock The path that who has the lock has its folder at.
   */
  constructor(
    private readonly work: string,
    private readonly lock: string
  ) {
    this.prepared = `${work}/${this.name}.new`
  }

  /** Makes the folder with the new file in it, which gets a modification time in milliseconds since the epoch. */
  async prepare(payload: Uint8Array, written: number): Promise<void> {
    await Disk.ensureFolder(this.work)
    await Disk.makeFolder(this.prepared)
    const path = `${this.prepared}/${this.name}`
    if (!(await Disk.store(path, payload, false))) {
      throw new Disk.FileFailure("its folder was moved or replaced")
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

  /** Looks who has the lock, and ends the lock of one that has had it for too long; answers whether it did. */
  async breakIfStale(): Promise<boolean> {
    const [holder = ""] = await Disk.names(this.lock).async()
    if (holder !== this.holder) {
      this.holder = holder
      this.heldSince = performance.now()
      return false
    }
    const isStale = holder !== "" && performance.now() - this.heldSince > staleAfter
    if (isStale) {
      await Disk.remove(`${this.lock}/${holder}`)
        .async()
        .catch(() => {})
    }
    return isStale
  }

  /** Moves the new file to its place, which ends the lock; answers false where the lock had been broken, and nothing was changed. */
  publish(path: string): Promise<boolean> {
    return Disk.rename(`${this.lock}/${this.name}`, path)
      .async()
      .then(() => true, Disk.ifAbsent(false))
  }

  /** Removes what is left of it, whether it was taken, broken, published or none of that. */
  release(): Promise<void> {
    return Disk.clear(this.taken ? this.lock : this.prepared, [this.name])
  }
}

/** How old what a dead process left must be to be removed, in milliseconds: far longer than any change takes. */
const leftoverAge = 60 * 60 * 1000

/** Removes what dead processes left. */
export const collectLeftovers = async (work: string): Promise<void> => {
  for (const folder of await Disk.paths(work, /./)) {
    if (Disk.age(folder) > leftoverAge && Disk.isReal(folder)) {
      await Disk.clear(folder, await Disk.names(folder).async())
    }
  }
}
