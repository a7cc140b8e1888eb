/**
 * What a session is on disk: a folder with its data, and an empty file, the head, whose NAME says what is current.
 *
 *     <directory>/<2 hex>/<64 hex>/head.<revision>.<expiresAt>
 *                                 /data.<revision>.<the revision it was made to replace>
 *                                 /mark.<a random name>.<expiresAt>
 *
 * The folder is named by a hash of the session's id. Without a head there is no session. To change, renew, move or end a session is
 * to rename or remove its head, which the file system does in one step, and only for who knows the head's present name: a
 * compare-and-set that needs no lock. Revisions are random and never used again, so it cannot succeed by mistake. A mark that the session
 * left counts only if there is no head.
 */
import * as fs from "node:fs"
import { promisify } from "node:util"

// Not `fs.promises`, whose file handles cost twice as much.
const openLater = promisify(fs.open)
const renameLater = promisify(fs.rename)
const unlinkLater = promisify(fs.unlink)
const readdir = promisify(fs.readdir)
const read = promisify(fs.read)
const writeFile = promisify(fs.writeFile)
const mkdir = promisify(fs.mkdir)
const rmdir = promisify(fs.rmdir)
const fsync = promisify(fs.fsync)

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants

export interface Head {
  /** The file's name. */
  readonly name: string
  readonly revision: string
  /** In milliseconds since the epoch. */
  readonly expiresAt: number
}

/** What a session that is no more has left. */
export interface Mark {
  /** The file's name. */
  readonly name: string
  /** In milliseconds since the epoch. */
  readonly expiresAt: number
}

/** What a folder has of a session at one moment. */
export interface Listing {
  /** One for a session that exists, none for one that does not: not yet, or no longer. */
  readonly heads: ReadonlyArray<Head>
  /** The names of the data files: the current one, and those that were replaced or lost a race. */
  readonly data: ReadonlyArray<string>
  readonly marks: ReadonlyArray<Mark>
}

const revisionPattern = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
const headPattern = new RegExp(`^head\\.(${revisionPattern})\\.(\\d{1,16})$`)
const markPattern = new RegExp(`^mark\\.${revisionPattern}\\.(\\d{1,16})$`)
const dataPattern = new RegExp(`^data\\.${revisionPattern}\\.${revisionPattern}$`)

export const headName = (revision: string, expiresAt: number): string => `head.${revision}.${expiresAt}`

export const markName = (name: string, expiresAt: number): string => `mark.${name}.${expiresAt}`

export const dataName = (revision: string, replaced: string): string => `data.${revision}.${replaced}`

export const isDataOf = (name: string, revision: string): boolean => name.startsWith(dataName(revision, ""))

/** Data that is of no use once `current` is the revision: not its own, and not that of a writer who may still replace it. */
export const isGarbage = (name: string, current: string): boolean =>
  !isDataOf(name, current) && !name.endsWith(`.${current}`)

/** What is asked for is not there; something else can be in its place, such as a symbolic link. */
export const isAbsent = (error: unknown): boolean => hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")

const hasCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code))

/**
 * Whether no part of a path is a symbolic link; undefined where nothing is there. Done at once, and not by a thread of the pool: it is
 * asked of paths that were just used, so it costs less than going there and back, and does not wait for the disk.
 */
export const isReal = (path: string): boolean | undefined => {
  try {
    return fs.realpathSync.native(path) === path
  } catch (error) {
    if (isAbsent(error)) {
      return hasCode(error, "ENOENT") ? undefined : false
    }
    throw error
  }
}

export const nothing: Listing = { heads: [], data: [], marks: [] }

const parse = (names: ReadonlyArray<string>): Listing => ({
  heads: names.flatMap((name) => {
    const [, revision, expiresAt] = headPattern.exec(name) ?? []
    return revision === undefined ? [] : [{ name, revision, expiresAt: Number(expiresAt) }]
  }),
  data: names.filter((name) => dataPattern.test(name)),
  marks: names.flatMap((name) => {
    const [, expiresAt] = markPattern.exec(name) ?? []
    return expiresAt === undefined ? [] : [{ name, expiresAt: Number(expiresAt) }]
  })
})

/** POSIX lets a listing miss a file that is being renamed, or show both names: what has not one head is listed again. */
const listings = 3

/** What is in a session's folder: nothing, where it is not there or not ours. */
export const list = async (folder: string): Promise<Listing> => {
  try {
    let listing = nothing
    for (let i = 0; i < listings && listing.heads.length !== 1; i++) {
      listing = parse(await readdir(folder))
    }
    return isReal(folder) ? listing : nothing
  } catch (error) {
    return nothingIfAbsent(error)
  }
}

const listAtOnce = (folder: string): Listing => {
  try {
    let listing = nothing
    for (let i = 0; i < listings && listing.heads.length !== 1; i++) {
      listing = parse(fs.readdirSync(folder))
    }
    return isReal(folder) ? listing : nothing
  } catch (error) {
    return nothingIfAbsent(error)
  }
}

const nothingIfAbsent = (error: unknown): Listing => {
  if (isAbsent(error)) {
    return nothing
  }
  throw error
}

/** A call that works only while the folder is as it was seen: it fails where a file is not there. */
export interface Call<A> {
  readonly later: () => Promise<A>
  readonly atOnce: () => A
}

export const rename = (from: string, to: string): Call<void> => ({
  later: () => renameLater(from, to),
  atOnce: () => fs.renameSync(from, to)
})

export const remove = (path: string): Call<void> => ({
  later: () => unlinkLater(path),
  atOnce: () => fs.unlinkSync(path)
})

// O_NONBLOCK, or a pipe of this name would block a thread for ever.
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

export const open = (path: string): Call<number> => ({
  later: () => openLater(path, readFlags),
  atOnce: () => fs.openSync(path, readFlags)
})

/** How often a call may come too late before looking and calling are done at once. */
const patience = 5

/** Each time that one comes too late another one got on, so this is not reached in practice. */
const maxAttempts = 1000

/**
 * Looks into a folder and makes the call that `decide` asks for; if the folder has changed in between, again. Answers what came of it,
 * and in which state of the folder; undefined where `decide` asks for no call.
 *
 * A process that is slow, with many calls waiting for its threads, could come too late for ever while others change the session. So it
 * does both at once after a while, though that can hold up the process for the moment.
 *
 * @param seen What a listing has just shown.
 */
export const act = async <A>(
  folder: string,
  decide: (listing: Listing) => Call<A> | undefined,
  seen?: Listing
): Promise<{ readonly result: A; readonly listing: Listing } | undefined> => {
  let listing = seen ?? (await list(folder))
  for (let attempt = 1; attempt < maxAttempts; attempt++) {
    const atOnce = attempt > patience
    if (atOnce) {
      listing = listAtOnce(folder)
    }
    const call = decide(listing)
    if (call === undefined) {
      return undefined
    }
    try {
      return { result: atOnce ? call.atOnce() : await call.later(), listing }
    } catch (error) {
      if (!isAbsent(error)) {
        throw error
      }
    }
    if (attempt < patience) {
      listing = await list(folder)
    }
  }
  throw "changed by others too often"
}

/** The content of an open file, which is closed; undefined where it is not a file. */
export const load = async (fd: number): Promise<Buffer | undefined> => {
  // Neither of the calls that are done at once waits for the disk: the file is open, and was only read.
  try {
    const stat = fs.fstatSync(fd)
    if (!stat.isFile()) {
      return undefined
    }
    return await readAll(fd, stat.size)
  } finally {
    fs.closeSync(fd)
  }
}

/** The first `size` bytes of an open file, or all where it has become shorter. */
export const readAll = async (fd: number, size: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await read(fd, Buffer.allocUnsafe(size), 0, size, 0)
  return buffer.subarray(0, bytesRead)
}

/** Writes a new file completely, or not at all; answers whether its folder was there. */
export const store = async (path: string, content: Uint8Array, durable: boolean): Promise<boolean> => {
  let fd: number
  try {
    fd = await openLater(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  } catch (error) {
    if (isAbsent(error)) {
      return false
    }
    throw error
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

/** Makes a folder for this user alone; answers whether nothing was there yet. */
export const make = async (path: string): Promise<boolean> => {
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

const ignore = () => {}

/** Removes files that are of no use any more. Nobody waits for it; what it cannot remove is left for the next one who sees it. */
export const discard = (paths: ReadonlyArray<string>): void => {
  for (const path of paths) {
    fs.unlink(path, ignore)
  }
}

/** Removes these files of a folder without a head, and the folder with them, unless something else is in it. */
export const clear = async (folder: string, names: ReadonlyArray<string>): Promise<void> => {
  await Promise.allSettled(names.map((name) => unlinkLater(`${folder}/${name}`)))
  await rmdir(folder).catch(ignore)
}

/** How long ago something was last done in a folder, in milliseconds of real time. */
export const age = (folder: string): number =>
  Date.now() - (fs.lstatSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY)

/** Waits until the disk has the names in a folder. */
export const persist = async (folder: string): Promise<void> => {
  const fd = await openLater(folder, O_RDONLY)
  try {
    await fsync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** The paths of what has such a name in a directory; nothing where it is not there or not ours. */
export const paths = async (directory: string, pattern: RegExp): Promise<ReadonlyArray<string>> => {
  try {
    const names = await readdir(directory)
    return isReal(directory) ? names.filter((name) => pattern.test(name)).map((name) => `${directory}/${name}`) : []
  } catch (error) {
    if (isAbsent(error)) {
      return []
    }
    throw error
  }
}
