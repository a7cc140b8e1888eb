/**
 * Files and folders, for the providers that keep sessions in them: no symbolic link is followed, and a missing file is
 * not an error.
 */
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { Failure } from "../../internal/failure.js"

/** The pauses before a call is made again that found too many files open, in milliseconds. */
const pauses = [5, 10, 20, 40, 80, 160, 320]

/** Makes a call again while this process, or the machine, has too many files open. */
const patient =
  <Args extends ReadonlyArray<unknown>, A>(call: (...args: Args) => Promise<A>) =>
  async (...args: Args): Promise<A> => {
    for (const pause of pauses) {
      try {
        return await call(...args)
      } catch (error) {
        if (!hasCode(error, "EMFILE", "ENFILE")) {
          throw error
        }
        await sleep(pause)
      }
    }
    return call(...args)
  }

// Not `fs.promises`, whose file handles cost twice as much.
const openFile = patient(promisify(fs.open))
const renameFile = promisify(fs.rename)
const unlink = promisify(fs.unlink)
const readdir = patient((folder: string) => promisify(fs.readdir)(folder))
const read = promisify(fs.read)
const writeFile = promisify(fs.writeFile)
const mkdir = promisify(fs.mkdir)
const rmdir = promisify(fs.rmdir)
const fsync = promisify(fs.fsync)

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants

/** The failure for a folder that is not where it was made, or is a link now. */
export const folderReplaced = (): Failure =>
  new Failure("its folder was moved or replaced", "let nothing else change the directory")

export const hasCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code))

/** Whether an error says that a path is absent. Something else can be in its place, such as a symbolic link. */
export const isAbsent = (error: unknown): boolean => hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")

/** Returns `value` for an error that says that a path is absent, and throws any other. */
export const ifAbsent =
  <A>(value: A) =>
  (error: unknown): A => {
    if (isAbsent(error)) {
      return value
    }
    throw error
  }

/**
 * Whether no part of a path is a symbolic link; undefined if the path does not exist. Synchronous, without a thread of
 * the pool: the paths were just used, so this takes less time than a round trip to a thread, and does not wait for the
 * disk.
 */
export const isReal = (path: string): boolean | undefined => {
  try {
    return fs.realpathSync.native(path) === path
  } catch (error) {
    return hasCode(error, "ENOENT") ? undefined : ifAbsent(false)(error)
  }
}

/**
 * How many files are open at once. A burst would open thousands, more than a process may have, before it closes one: few
 * threads read them.
 */
const maxOpen = 16

let held = 0
const waiting: Array<() => void> = []

/** Runs what opens a file and closes it, when fewer than so many are open. Not within itself. */
export const holding = async <A>(use: () => Promise<A>): Promise<A> => {
  if (held < maxOpen) {
    held++
  } else {
    await new Promise<void>((goOn) => waiting.push(goOn))
  }
  try {
    return await use()
  } finally {
    const next = waiting.shift()
    if (next === undefined) {
      held--
    } else {
      next()
    }
  }
}

/**
 * A call of the file system that can be made in both ways: with a thread of the pool, or synchronously, while this
 * process does nothing else.
 */
export interface Call<A> {
  readonly async: () => Promise<A>
  readonly sync: () => A
}

export const rename = (from: string, to: string): Call<void> => ({
  async: () => renameFile(from, to),
  sync: () => fs.renameSync(from, to)
})

export const remove = (path: string): Call<void> => ({
  async: () => unlink(path),
  sync: () => fs.unlinkSync(path)
})

// O_NONBLOCK, or else a pipe with this name would block a thread for ever.
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

/** Opens a file for reading. */
export const open = (path: string): Call<number> => ({
  async: () => openFile(path, readFlags),
  sync: () => fs.openSync(path, readFlags)
})

const none: ReadonlyArray<string> = []

/** The names in a folder; none if it does not exist. */
export const names = (folder: string): Call<ReadonlyArray<string>> => ({
  async: () => readdir(folder).catch(ifAbsent(none)),
  sync: () => {
    try {
      return fs.readdirSync(folder)
    } catch (error) {
      return ifAbsent(none)(error)
    }
  }
})

/** The paths in a directory whose names match; none if the directory does not exist or is not ours. */
export const paths = async (directory: string, pattern: RegExp): Promise<ReadonlyArray<string>> => {
  const found = await names(directory).async()
  return isReal(directory) ? found.filter((name) => pattern.test(name)).map((name) => `${directory}/${name}`) : none
}

/** Reads an open file and closes it. Returns undefined if it is not a file. */
export const load = async (fd: number): Promise<Buffer | undefined> => {
  // Neither of the synchronous calls waits for the disk: the file is open, and was only read.
  try {
    const stat = fs.fstatSync(fd)
    return stat.isFile() ? await readAll(fd, stat.size) : undefined
  } finally {
    fs.closeSync(fd)
  }
}

/** Reads the first `size` bytes of an open file, or all of it if it has become shorter. */
export const readAll = async (fd: number, size: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await read(fd, Buffer.allocUnsafe(size), 0, size, 0)
  return buffer.subarray(0, bytesRead)
}

/** Writes a new file completely, or not at all. Returns false if its folder does not exist. */
export const store = (path: string, content: Uint8Array, durable: boolean): Promise<boolean> =>
  holding(() => storeNow(path, content, durable))

const storeNow = async (path: string, content: Uint8Array, durable: boolean): Promise<boolean> => {
  const fd = await openFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600).catch(ifAbsent(undefined))
  if (fd === undefined) {
    return false
  }
  try {
    if (content.length > 0) {
      await writeFile(fd, content)
    }
    if (durable) {
      await fsync(fd)
    }
    return true
  } catch (error) {
    discard([path])
    throw error
  } finally {
    fs.closeSync(fd)
  }
}

/** Creates a folder for this user only. Returns whether it is new. */
export const makeFolder = async (path: string): Promise<boolean> => {
  try {
    await mkdir(path, 0o700)
    return true
  } catch (error) {
    if (hasCode(error, "EEXIST")) {
      return false
    }
    throw error
  }
}

/**
 * Creates the folder if the path is free, after `prepare`. Fails if the folder is not real. Returns whether it is new.
 */
export const ensureFolder = async (path: string, prepare = (): void => {}): Promise<boolean> => {
  const isNew = isReal(path) === undefined
  if (isNew) {
    prepare()
    await makeFolder(path)
  }
  if (!isReal(path)) {
    throw folderReplaced()
  }
  return isNew
}

const ignore = () => {}

/**
 * Removes files that are no longer of use, without waiting. A file that cannot be removed is left for the next process
 * that finds it.
 */
export const discard = (paths: ReadonlyArray<string>): void => {
  for (const path of paths) {
    fs.unlink(path, ignore)
  }
}

/**
 * Removes these files of a folder, and the folder with them, unless something else is in it. Files that cannot be
 * removed stay.
 */
export const clear = async (folder: string, names: ReadonlyArray<string>): Promise<void> => {
  await Promise.allSettled(names.map((name) => unlink(`${folder}/${name}`)))
  await rmdir(folder).catch(ignore)
}

/** The time since the last change in a folder, in milliseconds of real time. */
export const age = (folder: string): number =>
  Date.now() - (fs.lstatSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY)

/** Waits until the names in a folder are on disk. */
export const persist = (folder: string): Promise<void> =>
  holding(async () => {
    const fd = await openFile(folder, O_RDONLY)
    try {
      await fsync(fd)
    } finally {
      fs.closeSync(fd)
    }
  })
