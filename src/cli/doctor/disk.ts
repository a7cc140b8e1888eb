/**
 * The file system below sessions in files and in SQLite: its room, its kind, and who may look into a file.
 */
import { lstat, statfs } from "node:fs/promises"
import * as Effect from "#effect/Effect"
import { explained } from "../../Provider/file/explained.js"
import { type Finding, type Look, ok, present, warning, wrong } from "./finding.js"
import { percent, size } from "./units.js"

/** What a system says of a file system. */
export interface Space {
  readonly type: number
  readonly bsize: number
  readonly blocks: number
  readonly bavail: number
  readonly files: number
  readonly ffree: number
}

/** The numbers of file systems on a network, by Linux (statfs(2)). */
const onNetwork: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB",
  16914839: "9p",
  12805120: "Ceph",
  198183888: "Lustre",
  1397113167: "AFS"
}

/** The file system in memory. */
const tmpfs = 0x01021994

const enough = 2 ** 30
const least = 10 * 2 ** 20

/** What there is to say of a file system. */
export const judged = ({ bavail, blocks, bsize, ffree, files, type }: Space): ReadonlyArray<Finding> => {
  const [free, all] = [bavail * bsize, blocks * bsize]
  const network = onNetwork[type >>> 0]
  const left = `${size(free)} of the disk are free (${percent(free, all)} %)`
  return present([
    free < least
      ? wrong(`only ${left}: new sessions cannot be kept when they are used up`, "make room: df -h shows the disk")
      : free < enough && free < 0.05 * all
        ? warning(`only ${left}`, "make room: df -h shows the disk")
        : ok(left),
    // Some file systems make inodes as they are needed, and say that they have none.
    files > 0 &&
      ffree < 0.05 * files &&
      warning(
        `only ${ffree} of ${files} inodes are free: new sessions cannot be kept when they are used up, whatever room there is`,
        "remove small files: df -i shows the disk"
      ),
    network !== undefined &&
      warning(
        `this is a network drive (${network}): its clients remember what is not true any more, and sessions are lost`,
        "use a local disk, or a server such as Redis for several machines"
      ),
    type === tmpfs && ok("this file system is in memory: a restart of the machine signs everybody out")
  ])
}

/** The room on the disk of a path. */
export const room = (path: string): Look =>
  Effect.map(Effect.tryPromise({ try: () => statfs(path), catch: explained }), judged)

/** Whether other users of this machine may read a file, and so the sessions in it. */
export const privacy = (path: string): Look =>
  Effect.map(Effect.tryPromise({ try: () => lstat(path), catch: explained }), ({ mode }) =>
    process.getuid !== undefined && (mode & 0o077) !== 0
      ? [warning(`other users of this machine may open ${path}, and so read sessions`, `chmod go= ${path}`)]
      : [ok("only this user may open what sessions are in")]
  )
