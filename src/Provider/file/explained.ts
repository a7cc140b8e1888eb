/**
 * What the system's errors mean for sessions in files, and what mends them.
 */
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import { Failure } from "../../internal/failure.js"
import { withNow } from "../internal/time.js"
import { me } from "./strictModes.js"

const rights = (code: string): Failure =>
  new Failure(`${me()} may not do this in the directory (${code})`, `chown -R ${me()} the directory`)

const files = (code: string): Failure =>
  new Failure(`too many open files (${code})`, "raise the limit: ulimit -n, or LimitNOFILE of a systemd unit")

const disk = (code: string): Failure => new Failure(`the disk fails (${code})`, "look into the system's log: dmesg")

const network = (code: string): Failure =>
  new Failure(`the directory is on a network drive that fails (${code})`, "use a local file system")

const failures: Readonly<Record<string, (code: string) => Failure>> = {
  EACCES: rights,
  EPERM: rights,
  EROFS: (code) =>
    new Failure(`the file system is read-only (${code})`, "mount it for writing; sessions are still read meanwhile"),
  ENOSPC: (code) =>
    new Failure(`the disk is full, or has no inodes left (${code})`, "make room: df -h and df -i show which"),
  EDQUOT: (code) => new Failure(`this user's disk quota is used up (${code})`, "make room, or raise the quota"),
  EMFILE: files,
  ENFILE: files,
  EIO: disk,
  EUCLEAN: disk,
  ESTALE: network,
  ENOTCONN: network,
  ETIMEDOUT: network,
  EEXIST: (code) => new Failure(`something that is no folder has its name (${code})`, "remove it"),
  ENOTDIR: (code) => new Failure(`something on its path is no folder (${code})`, "remove it"),
  ENAMETOOLONG: (code) => new Failure(`its path is too long (${code})`, "name a shorter one")
}

/** An error in words of its own, if it is the system's and it is known what it means. */
export const explained = (error: unknown): unknown => {
  const code = error instanceof Failure ? undefined : codeOf(error)
  return code !== undefined && Object.hasOwn(failures, code) ? failures[code]!(code) : error
}

/**
 * Makes an effect of a promise, which is created when the effect runs and gets the time. Fails in words that say what is
 * wrong with the directory.
 */
export const call = <A>(f: (now: number) => Promise<A>): Effect.Effect<A, unknown> =>
  withNow((now) => Effect.tryPromise({ try: () => f(now), catch: explained }))
