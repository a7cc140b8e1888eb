/**
 * The marks that sessions leave in their folders. A mark is written before the head is removed or renamed, so that it is there from
 * that very step on; while there is a head it counts for nothing. Of several changes at once each writes a mark of its own: the one
 * that gets the head removes the others' marks, and each of the others removes its own.
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

/** Writes a mark for a session that is about to end; answers the file's name, or nothing if the folder is not there any more. */
export const prepare = async (
  folder: string,
  key: string,
  { content, expiresAt }: Leaving,
  durable: boolean
): Promise<string | undefined> => {
  const name = Folder.markName(randomUUID(), expiresAt)
  return (await Disk.store(`${folder}/${name}`, Data.encode(key, content), durable)) ? name : undefined
}

/** How often, and after how many milliseconds, a folder is listed again while several changes are about to be done with it. */
const patience = 10
const pause = 2

/** The content of the mark that a session of this key has left. */
export const read = async (folder: string, key: string, now: number): Promise<Uint8Array | undefined> => {
  let listing = await Folder.list(folder)
  for (let i = 0; i < patience && live(listing, now).length > 1; i++) {
    await sleep(pause)
    listing = await Folder.list(folder)
  }
  const { done } = await Folder.act(
    folder,
    (listing) => {
      const [mark] = live(listing, now)
      return mark && { target: mark, call: Disk.open(`${folder}/${mark.name}`) }
    },
    listing
  )
  const data = done && (await Data.load(done.result))
  return data?.key === key ? data.payload : undefined
}

/** The marks of a folder that count. */
export const live = ({ heads, marks }: Folder.Listing, now: number): ReadonlyArray<Folder.Mark> =>
  heads.length > 0 ? [] : marks.filter(({ expiresAt }) => expiresAt > now)

/** Removes marks that have all expired; answers whether this call removed the last one, so that the folder is the caller's to clear. */
export const collect = async (folder: string, now: number): Promise<boolean> => {
  const { done, listing } = await Folder.act(folder, (listing) => {
    const [mark] = listing.marks
    return mark === undefined || listing.heads.length > 0 || live(listing, now).length > 0
      ? undefined
      : { target: mark, call: Disk.remove(`${folder}/${mark.name}`) }
  })
  return done !== undefined && (listing.marks.length === 1 || collect(folder, now))
}
