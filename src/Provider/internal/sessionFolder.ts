/**
 * One session in one folder: a compare-and-set on plain files that needs no lock, so that a process which dies at any moment leaves
 * the session whole, old or new.
 *
 *     <nonce>.head       empty; its NAME says which content is current
 *     <base>-<nonce>     a content: the payload of revision <nonce>, made to replace <base>; its mtime is when it expires
 *
 * A writer stores its content completely and then renames `<base>.head` to `<nonce>.head`. Only one of several writers can: for the
 * others `<base>.head` is no longer there. Nonces are random and never used again, so a rename cannot succeed by mistake.
 */
import { randomBytes } from "node:crypto"
import { constants, promises as fs, realpath } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Revision, Stored } from "../Provider.js"

const realPath = promisify(realpath.native)

export const newNonce = (): string => randomBytes(12).toString("hex")

/** In place of a nonce: the session lives on in another folder. */
const moved = "moved"

const headName = (nonce: string) => `${nonce}.head`

const contentName = (base: string, nonce: string) => `${base}-${nonce}`

const isHead = (name: string) => /^([0-9a-f]{24}|moved)\.head$/.test(name)

const isContent = (name: string) => /^[0-9a-f]{24}-[0-9a-f]{24}$/.test(name)

/** Whether a file of this name belongs to a session. */
export const isOurs = (name: string): boolean => isHead(name) || isContent(name)

export const hasCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code))

/** Answers undefined in place of failing where the file is not there. */
const orMissing = async <A>(promise: Promise<A>): Promise<A | undefined> => {
  try {
    return await promise
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) {
      return undefined
    }
    throw error
  }
}

/** What is in a session's folder. */
export interface Found {
  readonly nonce: string
  /** The name of the current content. */
  readonly content: string
  readonly expiresAt: number
  /** All contents, the current one and what others left. */
  readonly contents: ReadonlyArray<string>
}

const expiryOf = ({ mtimeMs }: { readonly mtimeMs: number }) => Math.round(mtimeMs)

/** Tries until it sees the folder as it is between two renames; a folder that is none of ours is as good as none. */
const settled = async <A>(folder: string, look: (found: Omit<Found, "expiresAt">) => Promise<A | undefined>) => {
  for (let attempt = 0; attempt < 20; attempt++) {
    const [real, names] = await Promise.all([orMissing(realPath(folder)), orMissing(fs.readdir(folder))])
    // A folder that is reached through a symlink is not ours.
    if (names === undefined || real !== folder) {
      return undefined
    }
    const head = names.find(isHead)
    if (head === headName(moved)) {
      return undefined
    }
    const nonce = head?.slice(0, -".head".length)
    const contents = names.filter(isContent)
    const content = contents.find((name) => name.endsWith(`-${nonce}`))
    const seen = nonce === undefined || content === undefined ? undefined : await look({ nonce, content, contents })
    if (seen !== undefined) {
      return seen
    }
  }
  return undefined
}

/** The state of a session's folder, expired or not. */
export const find = (folder: string): Promise<Found | undefined> =>
  settled(folder, async (found) => {
    const stat = await orMissing(fs.lstat(join(folder, found.content)))
    return stat?.isFile() ? { ...found, expiresAt: expiryOf(stat) } : undefined
  })

/** The session in a folder, expired or not. */
export const read = (folder: string): Promise<Stored | undefined> =>
  settled(folder, async ({ content, nonce }) => {
    const file = await orMissing(fs.open(join(folder, content), constants.O_RDONLY | constants.O_NOFOLLOW))
    try {
      return file === undefined
        ? undefined
        : { payload: await file.readFile(), revision: nonce as Revision, expiresAt: expiryOf(await file.stat()) }
    } finally {
      await file?.close()
    }
  })

/** Stores a content completely, under a name that nobody looks at yet; answers whether the folder was there. */
const store = async (path: string, payload: Uint8Array, expiresAt: number, fsync: boolean): Promise<boolean> => {
  const file = await orMissing(fs.open(path, "wx", 0o600))
  if (file === undefined) {
    return false
  }
  try {
    await file.writeFile(payload)
    await file.utimes(expiresAt / 1000, expiresAt / 1000)
    if (fsync) {
      await file.sync()
    }
  } finally {
    await file.close()
  }
  return true
}

const syncFolder = async (folder: string) => {
  const handle = await fs.open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes the folder of a new session at `path`, which must not exist. */
export const make = async (path: string, nonce: string, payload: Uint8Array, expiresAt: number, fsync: boolean) => {
  await fs.mkdir(path, { mode: 0o700 })
  await store(join(path, contentName(newNonce(), nonce)), payload, expiresAt, fsync)
  await fs.writeFile(join(path, headName(nonce)), "", { flag: "wx", mode: 0o600 })
  if (fsync) {
    await syncFolder(path)
  }
}

/** Compare-and-set: replaces the content, if `found` is still what is there; answers whether it was. */
export const replace = async (
  folder: string,
  found: Found,
  nonce: string,
  payload: Uint8Array,
  expiresAt: number,
  fsync: boolean
): Promise<boolean> => {
  const candidate = join(folder, contentName(found.nonce, nonce))
  if (!(await store(candidate, payload, expiresAt, fsync))) {
    return false
  }
  if (!(await swap(folder, found.nonce, nonce))) {
    await orMissing(fs.unlink(candidate))
    return false
  }
  // The old content, and candidates of writers that lost or died: none can become current any more.
  await Promise.all(found.contents.map((name) => orMissing(fs.unlink(join(folder, name)))))
  if (fsync) {
    await syncFolder(folder)
  }
  return true
}

/** Compare-and-set: ends the session in this folder, if `found` is still what is there; answers whether it was. */
export const leave = (folder: string, found: Found): Promise<boolean> => swap(folder, found.nonce, moved)

const swap = async (folder: string, from: string, to: string): Promise<boolean> =>
  (await orMissing(fs.rename(join(folder, headName(from)), join(folder, headName(to))).then(() => true))) ?? false

/** Renews the lifetime; answers whether the content was still there. */
export const touch = async (folder: string, found: Found, expiresAt: number): Promise<boolean> =>
  (await orMissing(fs.lutimes(join(folder, found.content), expiresAt / 1000, expiresAt / 1000).then(() => true))) ??
  false

/** Whether a folder holds what a finished `leave` left. */
export const isLeft = async (folder: string): Promise<boolean> =>
  (await orMissing(fs.readdir(folder)))?.includes(headName(moved)) ?? false
