/**
 * The sessions of one directory, or the records of people in it, which are kept in the same way. Each operation is a
 * series of steps on files, which is safe beside other processes that do the same, and whenever this one dies.
 * `sessionFolder.ts` explains the files.
 */
import { hash, randomUUID } from "node:crypto"
import { idTaken } from "../../internal/failure.js"
import * as Provider from "../Provider.js"
import * as Disk from "./disk.js"
import type { Directory } from "./openDirectory.js"
import * as Data from "./sessionData.js"
import * as Folder from "./sessionFolder.js"
import * as Marks from "./sessionMarks.js"

/** The place of a session. The key is the id in a form that is safe in a file: its JSON, which no two ids share. */
interface Place {
  readonly key: string
  readonly shard: string
  readonly folder: string
}

/**
 * A new state for a session that is at `revision`, under the same id or another, and the mark to leave at the old one.
 */
export interface Replacement {
  readonly oldId: string
  readonly newId: string
  readonly payload: Uint8Array
  readonly expiresAt: number
  readonly revision: string
  readonly mark?: Marks.Leaving | undefined
}

const empty = new Uint8Array(0)

/** The head of a folder whose session is live. */
const liveHead = ({ heads: [head, ...others] }: Folder.Listing, now: number): Folder.Head | undefined =>
  head !== undefined && others.length === 0 && head.expiresAt > now ? head : undefined

/** The head of a folder whose session has expired. */
const expiredHead = ({ heads: [head, ...others] }: Folder.Listing, now: number): Folder.Head | undefined =>
  head !== undefined && others.length === 0 && head.expiresAt <= now ? head : undefined

/**
 * How old a folder without a session must be to count as left by a dead process, in milliseconds: far longer than any
 * operation takes.
 */
const leftoverAge = 60 * 60 * 1000

/** How many sessions a walk over all of them looks at in parallel. */
const batchSize = 16

export class SessionFiles {
  private readonly shards: RegExp

  /**
   * @param durable Whether a change waits until it is on disk.
   * @param prefix What the names of its folders begin with, which others in the directory do not.
   */
  constructor(
    private readonly directory: Directory,
    private readonly durable: boolean,
    private readonly prefix: string
  ) {
    this.shards = new RegExp(`^${prefix}[0-9a-f]{2}$`)
  }

  private place(id: string): Place {
    const key = JSON.stringify(id)
    const name = hash("sha256", key, "hex")
    const shard = `${this.directory.path}/${this.prefix}${name.slice(0, 2)}`
    return { key, shard, folder: `${shard}/${name}` }
  }

  async read(id: string, now: number): Promise<Provider.Stored | undefined> {
    const { folder, key } = this.place(id)
    const loaded = await this.load(folder, now)
    return loaded?.key === key ? loaded.stored : undefined
  }

  private load(folder: string, now: number) {
    return Disk.holding(() => this.loadNow(folder, now))
  }

  private async loadNow(folder: string, now: number) {
    const { done } = await Folder.act(folder, (listing, lost: Folder.Head | undefined) => {
      const head = liveHead(listing, now)
      // Data that is missing has just been replaced. If the head is still the same, the data is lost, as after a power
      // failure: there is no session.
      if (head === undefined || head.revision === lost?.revision) {
        return undefined
      }
      const { revision } = head
      const name = listing.data.find((name) => Folder.isDataOf(name, revision)) ?? Folder.dataName(revision, "missing")
      return { target: head, call: Disk.open(`${folder}/${name}`) }
    })
    if (done === undefined) {
      return undefined
    }
    const data = await Data.load(done.result)
    const { expiresAt, revision } = done.target
    return (
      data && { key: data.key, stored: { payload: data.payload, revision: revision as Provider.Revision, expiresAt } }
    )
  }

  exists(id: string, now: number): Promise<boolean> {
    return this.isLive(this.place(id).folder, now)
  }

  async isLive(folder: string, now: number): Promise<boolean> {
    return liveHead(await Folder.list(folder), now) !== undefined
  }

  async create(
    id: string,
    payload: Uint8Array,
    expiresAt: number,
    now: number
  ): Promise<Provider.Written | Provider.Exists> {
    const place = this.place(id)
    if (!(await this.claim(place, now))) {
      return Provider.exists
    }
    const revision = randomUUID()
    const data = Folder.dataName(revision, revision)
    const head = Folder.headName(revision, expiresAt)
    try {
      const stored =
        (await Disk.store(`${place.folder}/${data}`, Data.encode(place.key, payload), this.durable)) &&
        (await Disk.store(`${place.folder}/${head}`, empty, false))
      if (!stored) {
        throw Disk.folderReplaced()
      }
      await this.persist(place.folder)
    } catch (error) {
      await Disk.clear(place.folder, [head, data])
      throw error
    }
    return Provider.written(revision, expiresAt)
  }

  /**
   * Creates the folder of a new session. Only one of several callers succeeds. A folder without a head may belong to a
   * caller who has just succeeded.
   */
  private async claim({ folder, shard }: Place, now: number): Promise<boolean> {
    const make = async () => {
      if (await this.directory.ensureFolder(shard)) {
        await this.persist(this.directory.path)
      }
      return Disk.makeFolder(folder)
    }
    // Programs that clean up may remove an empty shard just then.
    const claimed =
      (await make().catch((error) => (Disk.isAbsent(error) ? make() : Promise.reject(error)))) ||
      ((await this.collect(folder, now)) !== undefined && (await make()))
    if (claimed) {
      await this.persist(shard)
    }
    return claimed
  }

  /**
   * Replaces a session in its folder or into another one, as a compare-and-set. All files are prepared where no reader
   * looks yet; then renaming the head ends the old state and begins the new one.
   */
  async replace(
    { oldId, newId, payload, expiresAt, revision: base, mark }: Replacement,
    now: number
  ): Promise<Provider.Written | Provider.Conflict | Provider.Gone> {
    const from = this.place(oldId)
    const to = this.place(newId)
    const listing = await Folder.list(from.folder)
    if (liveHead(listing, now)?.revision !== base) {
      return this.tooLate(oldId, now)
    }
    const moves = from.folder !== to.folder
    if (moves && !(await this.claim(to, now))) {
      throw idTaken()
    }
    const revision = randomUUID()
    const data = Folder.dataName(revision, base)
    let done = false
    let marked: string | undefined
    try {
      const stored = await Disk.store(`${to.folder}/${data}`, Data.encode(to.key, payload), this.durable)
      marked = mark && (await Marks.prepare(from.folder, from.key, mark, this.durable))
      const renamed = await Folder.act(
        from.folder,
        (listing) => {
          // The head can have another name, if the session was renewed.
          const head = liveHead(listing, now)
          return stored && head?.revision === base
            ? {
                target: head,
                call: Disk.rename(`${from.folder}/${head.name}`, `${to.folder}/${Folder.headName(revision, expiresAt)}`)
              }
            : undefined
        },
        listing
      )
      done = renamed.done !== undefined
    } finally {
      if (!done) {
        // Also removes the folder, if nothing else is left in it.
        await Disk.clear(to.folder, [data])
        await this.withdraw(from.folder, marked)
      }
    }
    if (!done) {
      return this.tooLate(oldId, now)
    }
    await this.persist(to.folder)
    if (moves) {
      await this.persist(from.folder)
      await this.tidy(from.folder, listing, marked)
    } else {
      const garbage = listing.data.filter((name) => Folder.isGarbage(name, revision))
      Disk.discard(garbage.map((name) => `${from.folder}/${name}`))
    }
    return Provider.written(revision, expiresAt)
  }

  /** Returns what is there in place of the revision that a change expected. */
  private async tooLate(id: string, now: number): Promise<Provider.Conflict | Provider.Gone> {
    const current = await this.read(id, now)
    return current === undefined ? Provider.gone : Provider.conflict(current)
  }

  async touch(id: string, expiresAt: number, now: number): Promise<Provider.Touched | Provider.Gone> {
    const { folder } = this.place(id)
    const { done } = await Folder.act(folder, (listing) => {
      const head = liveHead(listing, now)
      return (
        head && {
          target: head,
          call: Disk.rename(`${folder}/${head.name}`, `${folder}/${Folder.headName(head.revision, expiresAt)}`)
        }
      )
    })
    return done === undefined ? Provider.gone : Provider.touched(expiresAt)
  }

  async destroy(id: string, now: number, mark?: Marks.Leaving): Promise<void> {
    const { folder, key } = this.place(id)
    const seen = await Folder.list(folder)
    const marked = mark && liveHead(seen, now) && (await Marks.prepare(folder, key, mark, this.durable))
    const { done, listing } = await Folder.act(
      folder,
      ({ heads: [head] }) => head && { target: head, call: Disk.remove(`${folder}/${head.name}`) },
      seen
    )
    if (done === undefined) {
      return this.withdraw(folder, marked)
    }
    if (listing.heads.length > 1) {
      // Several heads count as none, but one that was left over would count.
      return this.destroy(id, now)
    }
    await this.persist(folder)
    await this.tidy(folder, listing, marked)
  }

  async marked(id: string, now: number): Promise<Uint8Array | undefined> {
    const { folder, key } = this.place(id)
    return Marks.read(folder, key, now)
  }

  /** Removes the files that an ended session has left, except its mark, and the marks of changes that came too late. */
  private async tidy(folder: string, { data, marks: seen }: Folder.Listing, marked: string | undefined): Promise<void> {
    const { marks } = marked === undefined ? { marks: seen } : await Folder.list(folder)
    return Disk.clear(folder, [...data, ...marks.map(({ name }) => name).filter((name) => name !== marked)])
  }

  /** Removes the mark of a change that was not made, and the folder too if nothing else is left in it. */
  private async withdraw(folder: string, marked: string | undefined): Promise<void> {
    if (marked !== undefined) {
      await Disk.clear(folder, [marked])
    }
  }

  /**
   * Removes an expired session or mark, or the files that a dead process left. Returns whether it was a session or its
   * mark.
   */
  async collect(folder: string, now: number): Promise<"session" | "mark" | undefined> {
    // A session that is being renewed stays, since its head then has another name.
    const { done, listing } = await Folder.act(folder, (listing) => {
      const head = expiredHead(listing, now)
      return head && { target: head, call: Disk.remove(`${folder}/${head.name}`) }
    })
    if (done === undefined && listing.heads.length === 0 && listing.marks.length > 0) {
      if (!(await Marks.collect(folder, now))) {
        return undefined
      }
      await this.tidy(folder, listing, undefined)
      return "mark"
    }
    if (done === undefined && (listing.heads.length === 1 || Disk.age(folder) < leftoverAge)) {
      return undefined
    }
    await Disk.clear(folder, [...listing.heads, ...listing.marks].map(({ name }) => name).concat(listing.data))
    return done === undefined ? undefined : "session"
  }

  /** Reads the id of a live session. */
  async idOf(folder: string, now: number): Promise<Provider.StoredId | undefined> {
    const loaded = await this.load(folder, now)
    return loaded === undefined ? undefined : (JSON.parse(loaded.key) as Provider.StoredId)
  }

  /** The folders of all sessions, live or not, a few at a time. */
  async *folders(): AsyncGenerator<ReadonlyArray<string>> {
    for (const shard of await Disk.paths(this.directory.path, this.shards)) {
      const folders = await Disk.paths(shard, /^[0-9a-f]{64}$/)
      for (let i = 0; i < folders.length; i += batchSize) {
        yield folders.slice(i, i + batchSize)
      }
    }
  }

  private async persist(folder: string): Promise<void> {
    if (this.durable) {
      await Disk.persist(folder)
    }
  }
}
