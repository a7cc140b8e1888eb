/**
 * A session on disk: a folder with its data, and an empty file, the head, whose NAME says what is current.
 *
 *     <directory>/<2 hex>/<64 hex>/head.<revision>.<expiresAt>
 *                                 /data.<revision>.<the revision it was made to replace>
 *                                 /mark.<a random name>.<expiresAt>
 *
 * A record of a person is the same, below `people-<2 hex>`.
 *
 * The folder is named by a hash of the session's id. Without a head there is no session. A session is changed, renewed,
 * moved or ended by renaming or removing its head, which the file system does in one step, and only for a process that
 * knows the head's present name: a compare-and-set that needs no lock. Revisions are random and never used again, so it
 * cannot succeed by mistake. A mark that the session left counts only if there is no head.
 */
import { keptChanging } from "../../internal/failure.js"
import * as Disk from "./disk.js"

export interface Head {
  /** The file's name. */
  readonly name: string
  readonly revision: string
  /** In milliseconds since the epoch. */
  readonly expiresAt: number
}

/** The mark of a session that has ended or moved. */
export interface Mark {
  /** The file's name. */
  readonly name: string
  /** In milliseconds since the epoch. */
  readonly expiresAt: number
}

/** The files of a session at one moment. */
export interface Listing {
  /** One if the session exists, none if it does not exist yet or any more. */
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

/**
 * Whether data is of no use once `current` is the revision: it neither belongs to it, nor to a writer who may still
 * replace it.
 */
export const isGarbage = (name: string, current: string): boolean =>
  !isDataOf(name, current) && !name.endsWith(`.${current}`)

export const nothing: Listing = { heads: [], data: [], marks: [] }

const parse = (names: ReadonlyArray<string>): Listing =>
  names.length === 0
    ? nothing
    : {
        heads: names.flatMap((name) => {
          const [, revision, expiresAt] = headPattern.exec(name) ?? []
          return revision === undefined ? [] : [{ name, revision, expiresAt: Number(expiresAt) }]
        }),
        data: names.filter((name) => dataPattern.test(name)),
        marks: names.flatMap((name) => {
          const [, expiresAt] = markPattern.exec(name) ?? []
          return expiresAt === undefined ? [] : [{ name, expiresAt: Number(expiresAt) }]
        })
      }

/**
 * How often a folder without exactly one head is listed: POSIX lets a listing miss a file that is being renamed, or
 * show both names.
 */
const listings = 3

const isUnclear = (listing: Listing): boolean => listing !== nothing && listing.heads.length !== 1

const ifReal = (folder: string, listing: Listing): Listing =>
  listing !== nothing && Disk.isReal(folder) ? listing : nothing

/** Lists a session's folder. The listing is empty if the folder does not exist or is not ours. */
export const list = async (folder: string): Promise<Listing> => {
  const { async: names } = Disk.names(folder)
  let listing = parse(await names())
  for (let i = 1; i < listings && isUnclear(listing); i++) {
    listing = parse(await names())
  }
  return ifReal(folder, listing)
}

/** {@link list}, while this process does nothing else. */
const listSync = (folder: string): Listing => {
  const { sync: names } = Disk.names(folder)
  let listing = parse(names())
  for (let i = 1; i < listings && isUnclear(listing); i++) {
    listing = parse(names())
  }
  return ifReal(folder, listing)
}

/**
 * A call that fails if a file is missing, so that it works only on the folder as it was seen, and the target of the
 * call.
 */
export interface Step<T, A> {
  readonly target: T
  readonly call: Disk.Call<A>
}

/** The outcome of a step; `done` is undefined if there was no step to take. */
export interface Outcome<T, A> {
  /** The state of the folder for which `decide` chose the step. */
  readonly listing: Listing
  readonly done: { readonly target: T; readonly result: A } | undefined
}

/** How often a call may come too late before looking and calling become synchronous. */
const patience = 5

/** A call comes too late only if another one succeeded, so this is not reached in practice. */
const maxAttempts = 1000

/**
 * Lists a folder and takes the step that `decide` chooses, if any. If the folder has changed in between, it starts
 * again, and `decide` gets the target of the step that came too late.
 *
 * A process that is slow, with many calls waiting for its threads, could come too late for ever while others change the
 * session. Therefore both calls become synchronous after a while, though that can hold up the process for a moment.
 *
 * @param seen A listing that was just made.
 */
export const act = async <T, A>(
  folder: string,
  decide: (listing: Listing, tooLate: T | undefined) => Step<T, A> | undefined,
  seen?: Listing
): Promise<Outcome<T, A>> => {
  let tooLate: T | undefined
  for (let attempt = 1; attempt < maxAttempts; attempt++) {
    const atOnce = attempt > patience
    const listing = atOnce ? listSync(folder) : attempt === 1 && seen !== undefined ? seen : await list(folder)
    const step = decide(listing, tooLate)
    if (step === undefined) {
      return { listing, done: undefined }
    }
    const { call, target } = step
    try {
      return { listing, done: { target, result: atOnce ? call.sync() : await call.async() } }
    } catch (error) {
      if (!Disk.isAbsent(error)) {
        throw error
      }
      tooLate = target
    }
  }
  throw keptChanging()
}
