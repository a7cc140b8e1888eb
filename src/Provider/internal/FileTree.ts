/**
 * The directory of the file provider: where each session's folder is, how folders come and go.
 *
 *     <root>/<first byte of the id>/<id>/    a session's folder; ids are written in hex, so that no id is a path
 *     <root>/tmp/<random>/                   folders on their way in or out
 *
 * A folder is made in `tmp` and renamed to its place, and renamed back to `tmp` before it is removed: to others it is there whole or
 * not at all.
 */
import { randomUUID } from "node:crypto"
import { promises as fs } from "node:fs"
import { dirname, join } from "node:path"
import type { StoredId } from "../Provider.js"
import * as Folder from "./sessionFolder.js"

/** In hex it is a file name of 240 characters; file systems allow 255. */
const maxIdBytes = 120

/** Longer than any operation takes: what is older in `tmp` was left by a process that died. In milliseconds. */
const leftover = 10 * 60 * 1000

export class FileTree {
  constructor(
    private readonly root: string,
    readonly fsync: boolean
  ) {}

  /** The folder of an id; undefined for what cannot be an id here. */
  folderOf(id: StoredId): string | undefined {
    const bytes = Buffer.from(id)
    if (bytes.length === 0 || bytes.length > maxIdBytes || bytes.toString() !== id) {
      return undefined
    }
    const name = bytes.toString("hex")
    return join(this.root, name.slice(0, 2), name)
  }

  /** Fails where sessions cannot be kept here. */
  async check(): Promise<void> {
    const made = this.temporary()
    await fs.mkdir(made, { mode: 0o700 })
    await fs.rmdir(made)
  }

  /** What is in a folder, if its session is live. */
  async live(folder: string, now: number): Promise<Folder.Found | undefined> {
    const found = await Folder.find(folder)
    return found === undefined || found.expiresAt <= now ? undefined : found
  }

  /** Puts a new session in its place; answers false where a live one is there. */
  async place(id: StoredId, nonce: string, payload: Uint8Array, expiresAt: number, now: number): Promise<boolean> {
    const folder = this.folderOf(id)
    if (folder === undefined) {
      throw new RangeError("this id cannot be kept in a file")
    }
    const made = this.temporary()
    await Folder.make(made, nonce, payload, expiresAt, this.fsync)
    for (let attempt = 1; ; attempt++) {
      try {
        await fs.rename(made, folder)
        return true
      } catch (error) {
        const taken = Folder.hasCode(error, "ENOTEMPTY", "EEXIST")
        if (attempt < 10 && Folder.hasCode(error, "ENOENT")) {
          await fs.mkdir(dirname(folder), { recursive: true, mode: 0o700 })
        } else if (attempt < 10 && taken && (await this.live(folder, now)) === undefined) {
          await this.collect(folder, now)
        } else {
          await fs.rm(made, { recursive: true, force: true })
          if (taken) {
            return false
          }
          throw error
        }
      }
    }
  }

  /** Ends the session in a folder, if there is one. */
  async retire(folder: string): Promise<void> {
    const away = await this.takeAway(folder)
    if (away !== undefined) {
      await fs.rm(away, { recursive: true, force: true })
    }
  }

  /** Removes a folder whose session has expired or moved; answers whether it had expired. Anything else stays as it is. */
  async collect(folder: string, now: number): Promise<boolean> {
    const names = await fs.readdir(folder).catch(() => [])
    if (!names.every(Folder.isOurs)) {
      return false
    }
    const isLeft = await Folder.isLeft(folder)
    if (!isLeft && (await this.isLive(folder, now))) {
      return false
    }
    const away = await this.takeAway(folder)
    if (away === undefined) {
      return false
    }
    if (!isLeft && (await this.isLive(away, now))) {
      // Renewed, or replaced, between the look and the rename.
      await fs.rename(away, folder)
      return false
    }
    await fs.rm(away, { recursive: true, force: true })
    return !isLeft
  }

  /** Live, or not to be told: a session that another process is just changing. */
  private async isLive(folder: string, now: number): Promise<boolean> {
    const found = await Folder.find(folder)
    return found === undefined || found.expiresAt > now
  }

  /** The folders of all sessions, live or not. Symlinks, and names that are not of sessions, are passed over. */
  async *folders(): AsyncGenerator<{ readonly id: StoredId; readonly path: string }> {
    for (const shard of await fs.readdir(this.root, { withFileTypes: true })) {
      if (!shard.isDirectory() || !/^[0-9a-f]{2}$/.test(shard.name)) {
        continue
      }
      const shardPath = join(this.root, shard.name)
      for await (const entry of await fs.opendir(shardPath)) {
        const path = join(shardPath, entry.name)
        if (entry.isDirectory()) {
          const id = Buffer.from(entry.name, "hex").toString() as StoredId
          if (this.folderOf(id) === path) {
            yield { id, path }
          }
        }
      }
    }
  }

  /** Removes what processes that died left in `tmp`. */
  async sweep(): Promise<void> {
    const tmp = join(this.root, "tmp")
    for (const { name } of await fs.readdir(tmp, { withFileTypes: true })) {
      const path = join(tmp, name)
      const stat = await fs.lstat(path).catch(() => undefined)
      if (/^[0-9a-f-]{36}$/.test(name) && stat?.isDirectory() && Date.now() - stat.ctimeMs > leftover) {
        await fs.rm(path, { recursive: true, force: true })
      }
    }
  }

  private async takeAway(folder: string): Promise<string | undefined> {
    const away = this.temporary()
    try {
      await fs.rename(folder, away)
      return away
    } catch (error) {
      if (Folder.hasCode(error, "ENOENT", "ENOTDIR")) {
        return undefined
      }
      throw error
    }
  }

  private temporary(): string {
    return join(this.root, "tmp", randomUUID())
  }
}
