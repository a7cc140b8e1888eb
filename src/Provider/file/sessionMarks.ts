/**
 * The marks that sessions leave in their folders. A mark is written before the head is removed or renamed, so that it
 * exists from that step on; it does not count while there is a head. Concurrent changes each write a mark of their own:
 * the one that gets the head removes the others' marks, and each of the others removes its own.
 */
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import * as Disk from "./disk.js"
import * as Data from "./sessionData.js"
import * as Folder from "./sessionFolder.js"

/** A mark to be left. */
export interface Leaving {
  readonly content: Uint8Array
  readonly expiresAt: number
}

/**
 * Writes a mark for a session that is about to end. Returns the file's name, or undefined if the folder no longer
 * exists.
 */
export const prepare = async (
  folder: string,
  key: string,
  { content, expiresAt }: Leaving,
  durable: boolean
): Promise<string | undefined> => {
  const name = Folder.markName(randomUUID(), expiresAt)
  return (await Disk.store(`${folder}/${name}`, Data.encode(key, content), durable)) ? name : undefined
}

/**
 * How often a folder is listed again while several changes are about to be done with it. The first pause is of a
 * millisecond, and each is twice as long as the one before: two seconds in all, since a busy process may take as long.
 */
const patience = 11

/** Reads the content of the mark that the session with this key has left. */
export const read = async (folder: string, key: string, now: number): Promise<Uint8Array | undefined> => {
  let listing = await Folder.list(folder)
  for (let i = 0; i < patience && live(listing, now).length > 1; i++) {
    await sleep(2 ** i)
    listing = await Folder.list(folder)
  }
  const data = await Disk.holding(async () => {
    const { done } = await Folder.act(
      folder,
      (listing) => {
        const [mark] = live(listing, now)
        return mark && { target: mark, call: Disk.open(`${folder}/${mark.name}`) }
      },
      listing
    )
    return done && (await Data.load(done.result))
  })
  return data?.key === key ? data.payload : undefined
}

/** The marks of a folder that count. */
export const live = ({ heads, marks }: Folder.Listing, now: number): ReadonlyArray<Folder.Mark> =>
  heads.length > 0 ? [] : marks.filter(({ expiresAt }) => expiresAt > now)

/**
 * Removes marks if all of them have expired. Returns whether this call removed the last one, so that the caller may
 * clear the folder.
 */
export const collect = async (folder: string, now: number): Promise<boolean> => {
  const { done, listing } = await Folder.act(folder, (listing) => {
    const [mark] = listing.marks
    return mark === undefined || listing.heads.length > 0 || live(listing, now).length > 0
      ? undefined
      : { target: mark, call: Disk.remove(`${folder}/${mark.name}`) }
  })
  return done !== undefined && (listing.marks.length === 1 || collect(folder, now))
}
