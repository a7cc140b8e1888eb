/**
 * Opens the directory of the sessions, as a user names it, and makes it again if it is removed while it is in use.
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { dirname, join, resolve } from "node:path"
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import { Failure } from "../../internal/failure.js"
import { SessionError } from "../../SessionError.js"
import { mistakeIn } from "../internal/path.js"
import * as Disk from "./disk.js"
import { explained } from "./explained.js"
import { foreign, me, trouble } from "./strictModes.js"

/** What a user says of a directory. */
export interface Wanted {
  readonly directory: string
  /** The user's name for the directory's option, for messages. */
  readonly option: string
  /** Whether the folders above it must be this user's or root's, too. */
  readonly strict: boolean
  /** The names of the folders in it. */
  readonly folders: RegExp
}

/**
 * Opens a directory. It is created, for this user only, if it does not exist. Fails with `InvalidConfig` if it cannot be
 * used.
 */
export const openDirectory = (wanted: Wanted): Effect.Effect<Directory, SessionError> => {
  const { directory, folders, option, strict } = wanted
  const invalid = (problem: string) => new SessionError({ reason: "InvalidConfig", message: `${option}: ${problem}` })
  const wrong = mistakeIn(directory, "directory")
  if (wrong !== undefined) {
    return Effect.fail(invalid(wrong))
  }
  const path = resolve(directory)
  return Effect.try({
    try: () => {
      makePath(path)
      const real = fs.realpathSync.native(path)
      const found = trouble(real, strict) ?? foreign(real, folders)
      if (found !== undefined) {
        throw found
      }
      const probe = join(real, randomUUID())
      fs.mkdirSync(probe)
      fs.rmdirSync(probe)
      return new Directory(real, strict)
    },
    catch: (cause) => invalid(cause instanceof Failure ? `${cause.words}: ${cause.advice}` : notMade(path, cause))
  })
}

const notMade = (path: string, cause: unknown): string => {
  const known = explained(cause)
  const { advice, words } =
    known instanceof Failure ? known : { words: codeOf(cause) ?? "unknown error", advice: undefined }
  const mends = Disk.hasCode(cause, "EACCES", "EPERM")
    ? `as root: mkdir -p ${path} && chown -R ${me()} ${path}`
    : advice
  return `${path}: making a folder in it failed: ${words}${mends === undefined ? "" : `: ${mends}`}`
}

/** Makes a folder for this user only, and those above it. Node's own way to do this never ends below `/proc`. */
const makePath = (path: string): void => {
  try {
    fs.mkdirSync(path, 0o700)
  } catch (error) {
    if (Disk.hasCode(error, "ENOENT") && dirname(path) !== path && !fs.existsSync(dirname(path))) {
      makePath(dirname(path))
      fs.mkdirSync(path, 0o700)
    } else if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw error
    }
  }
}

/** A directory in use. Others may remove it: a clean-up of a deployment, or of `/tmp`. */
export class Directory {
  /** Whether it had to be made again, and nobody was told yet. */
  private isNews = false

  /** @param path The real path. */
  constructor(
    readonly path: string,
    private readonly strict: boolean
  ) {}

  /** Creates a folder in it if the name is free. Fails if the folder is not real. Returns whether it is new. */
  ensureFolder(path: string): Promise<boolean> {
    return Disk.ensureFolder(path, () => this.restore())
  }

  private restore(): void {
    if (!fs.existsSync(this.path)) {
      makePath(this.path)
      this.isNews = true
    }
    const found = Disk.isReal(this.path) ? trouble(this.path, this.strict) : Disk.folderReplaced()
    if (found !== undefined) {
      throw found
    }
  }

  /** Logs that the directory was removed. Once. */
  readonly told: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.isNews) {
      return Effect.void
    }
    this.isNews = false
    return Effect.logWarning(
      `file: ${this.path} was removed, and all sessions with it; it was made again: let nothing else change it`
    )
  })
}
