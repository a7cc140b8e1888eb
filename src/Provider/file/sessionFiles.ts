/**
 * The sessions of one directory: each operation as steps on files, safe beside other processes that do the same, and whenever this
 * one dies. `sessionFolder.ts` tells what is where.
 */
import { hash, randomUUID } from "node:crypto"
import * as Provider from "../Provider.js"
import * as Data from "./sessionData.js"
import * as Folder from "./sessionFolder.js"
import * as Marks from "./sessionMarks.js"

/** Where a session is kept. The key is the id in a form that is safe in a file: its JSON, which no two ids share. */
interface Place {
  readonly key: string
  readonly shard: string
  readonly folder: string
}

const empty = new Uint8Array(0)

/** The head of a folder whose session is live. */
const liveHead = ({ heads: [head, ...others] }: Folder.Listing, now: number): Folder.Head | undefined =>
  head !== undefined && others.length === 0 && head.expiresAt > now ? head : undefined

/** The head of a folder whose session has expired. */
const expiredHead = ({ heads: [head, ...others] }: Folder.Listing, now: number): Folder.Head | undefined =>
  head !== undefined && others.length === 0 && head.expiresAt <= now ? head : undefined

const movedAway = "its folder was moved or replaced"

/** How old a folder without a session must be to be what a dead process left, in milliseconds: far longer than any operation takes. */
const leftoverAge = 60 * 60 * 1000

/** Sessions that are looked at at once in a walk over all of them. */
const batchSize = 16

export class SessionFiles {
  /**
   * @param directory Its real path.
   * @param durable Whether a change waits until the disk has it.
   */
  constructor(
    private readonly directory: string,
    private readonly durable: boolean
  ) {}

  private place(id: string): Place {
    const key = JSON.stringify(id)
    const name = hash("sha256", key, "hex")
    const shard = `${this.directory}/${name.slice(0, 2)}`
    return { key, shard, folder: `${shard}/${name}` }
  }

  async read(id: string, now: number): Promise<Provider.Stored | undefined> {
    const { folder, key } = this.place(id)
    const loaded = await this.load(folder, now)
    return loaded?.key === key ? loaded.stored : undefined
  }

  private async load(folder: string, now: number) {
    let current: Folder.Head | undefined
    const opened = await Folder.act(folder, (listing) => {
      const last = current
      current = liveHead(listing, now)
      // Data that is not there was replaced in this moment. If not, it is lost, as a power failure can do: there is no session.
      if (current === undefined || current.revision === last?.revision) {
        return undefined
      }
      const { revision } = current
      const name = listing.data.find((name) => Folder.isDataOf(name, revision))
      return Folder.open(`${folder}/${name ?? Folder.dataName(revision, "missing")}`)
    })
    if (opened === undefined || current === undefined) {
      return undefined
    }
    const { expiresAt, revision } = current
    const data = await Data.load(opened.result)
    return data === undefined
      ? undefined
      : { key: data.key, stored: { payload: data.payload, revision: revision as Provider.Revision, expiresAt } }
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
        (await Folder.store(`${place.folder}/${data}`, Data.encode(place.key, payload), this.durable)) &&
        (await Folder.store(`${place.folder}/${head}`, empty, false))
      if (!stored) {
        throw movedAway
      }
      await this.persist(place.folder)
    } catch (error) {
      await Folder.clear(place.folder, [head, data])
      throw error
    }
    return Provider.written(revision, expiresAt)
  }

  /** Makes the folder of a new session. Of several who try one can; where it is there without a head, another one could just now. */
  private async claim({ folder, shard }: Place, now: number): Promise<boolean> {
    if (Folder.isReal(shard) === undefined) {
      await Folder.make(shard)
      await this.persist(this.directory)
    }
    if (!Folder.isReal(shard)) {
      throw movedAway
    }
    const claimed =
      (await Folder.make(folder)) || ((await this.collect(folder, now)) !== undefined && (await Folder.make(folder)))
    if (claimed) {
      await this.persist(shard)
    }
    return claimed
  }

  write(id: string, payload: Uint8Array, expiresAt: number, revision: string, now: number) {
    return this.replace(id, id, payload, expiresAt, revision, now)
  }

  regenerate(
    oldId: string,
    newId: string,
    payload: Uint8Array,
    expiresAt: number,
    revision: string,
    now: number,
    mark: Marks.Leaving | undefined
  ) {
    return this.replace(oldId, newId, payload, expiresAt, revision, now, mark)
  }

  /**
   * Compare-and-set, in one folder or from one into another. All is made ready where nobody looks yet; then the renaming of the head
   * ends the old state and begins the new one.
   */
  private async replace(
    oldId: string,
    newId: string,
    payload: Uint8Array,
    expiresAt: number,
    base: string,
    now: number,
    mark?: Marks.Leaving
  ): Promise<Provider.Written | Provider.Conflict | Provider.Gone> {
    const from = this.place(oldId)
    const to = this.place(newId)
    const listing = await Folder.list(from.folder)
    if (liveHead(listing, now)?.revision !== base) {
      return this.tooLate(oldId, now)
    }
    const moves = from.folder !== to.folder
    if (moves && !(await this.claim(to, now))) {
      throw "the new id is taken"
    }
    const revision = randomUUID()
    const data = Folder.dataName(revision, base)
    let done = false
    let marked: string | undefined
    try {
      const stored = await Folder.store(`${to.folder}/${data}`, Data.encode(to.key, payload), this.durable)
      marked = mark && (await Marks.prepare(from.folder, from.key, mark, this.durable))
      const renamed = await Folder.act(
        from.folder,
        (listing) => {
          // It can be there under another name: renewed.
          const head = liveHead(listing, now)
          return stored && head?.revision === base
            ? Folder.rename(`${from.folder}/${head.name}`, `${to.folder}/${Folder.headName(revision, expiresAt)}`)
            : undefined
        },
        listing
      )
      done = renamed !== undefined
    } finally {
      if (!done) {
        // The folder too, if that was all that is left in it.
        await Folder.clear(to.folder, [data])
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
      Folder.discard(garbage.map((name) => `${from.folder}/${name}`))
    }
    return Provider.written(revision, expiresAt)
  }

  /** What is there in place of the revision that a change was meant for. */
  private async tooLate(id: string, now: number): Promise<Provider.Conflict | Provider.Gone> {
    const current = await this.read(id, now)
    return current === undefined ? Provider.gone : Provider.conflict(current)
  }

  async touch(id: string, expiresAt: number, now: number): Promise<Provider.Touched | Provider.Gone> {
    const { folder } = this.place(id)
    const renamed = await Folder.act(folder, (listing) => {
      const head = liveHead(listing, now)
      return head === undefined
        ? undefined
        : Folder.rename(`${folder}/${head.name}`, `${folder}/${Folder.headName(head.revision, expiresAt)}`)
    })
    return renamed === undefined ? Provider.gone : Provider.touched(expiresAt)
  }

  async destroy(id: string, now: number, mark?: Marks.Leaving): Promise<void> {
    const { folder, key } = this.place(id)
    const seen = await Folder.list(folder)
    const marked = mark && liveHead(seen, now) && (await Marks.prepare(folder, key, mark, this.durable))
    const removed = await Folder.act(
      folder,
      ({ heads: [head] }) => (head === undefined ? undefined : Folder.remove(`${folder}/${head.name}`)),
      seen
    )
    if (removed === undefined) {
      return this.withdraw(folder, marked)
    }
    if (removed.listing.heads.length > 1) {
      // More than one is none; one that is left would be one.
      return this.destroy(id, now)
    }
    await this.persist(folder)
    await this.tidy(folder, removed.listing, marked)
  }

  async marked(id: string, now: number): Promise<Uint8Array | undefined> {
    const { folder, key } = this.place(id)
    return Marks.read(folder, key, now)
  }

  /** Removes what a session that is no more has left, but for its mark. */
  private tidy(folder: string, { data, marks }: Folder.Listing, marked: string | undefined): Promise<void> {
    return Folder.clear(folder, [...data, ...marks.map(({ name }) => name).filter((name) => name !== marked)])
  }

  /** Removes the mark of a change that was not made, and the folder too, if that was all that is left in it. */
  private async withdraw(folder: string, marked: string | undefined): Promise<void> {
    if (marked !== undefined) {
      await Folder.clear(folder, [marked])
    }
  }

  /** Removes what has expired, or what a process that died left; answers what it was, if it was a session or its mark. */
  async collect(folder: string, now: number): Promise<"session" | "mark" | undefined> {
    let seen = Folder.nothing
    // A session that is renewed in this moment stays: its head has another name then.
    const removed = await Folder.act(folder, (listing) => {
      seen = listing
      const head = expiredHead(listing, now)
      return head === undefined ? undefined : Folder.remove(`${folder}/${head.name}`)
    })
    if (removed === undefined && seen.heads.length === 0 && seen.marks.length > 0) {
      if (!(await Marks.collect(folder, now))) {
        return undefined
      }
      await this.tidy(folder, seen, undefined)
      return "mark"
    }
    if (removed === undefined && (seen.heads.length === 1 || Folder.age(folder) < leftoverAge)) {
      return undefined
    }
    await Folder.clear(folder, [...seen.heads, ...seen.marks].map(({ name }) => name).concat(seen.data))
    return removed === undefined ? undefined : "session"
  }

  /** The id of a live session. */
  async idOf(folder: string, now: number): Promise<Provider.StoredId | undefined> {
    const loaded = await this.load(folder, now)
    return loaded === undefined ? undefined : (JSON.parse(loaded.key) as Provider.StoredId)
  }

  /** The folders of all sessions, live or not, a few at a time. */
  async *folders(): AsyncGenerator<ReadonlyArray<string>> {
    for (const shard of await Folder.paths(this.directory, /^[0-9a-f]{2}$/)) {
      const folders = await Folder.paths(shard, /^[0-9a-f]{64}$/)
      for (let i = 0; i < folders.length; i += batchSize) {
        yield folders.slice(i, i + batchSize)
      }
    }
  }

  private async persist(folder: string): Promise<void> {
    if (this.durable) {
      await Folder.persist(folder)
    }
  }
}
