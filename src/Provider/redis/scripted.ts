/**
 * Sessions in a server that has Lua: each change is one script, so that it takes effect as a whole or not at all.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { toBuffer } from "../../internal/bytes.js"
import type { Failure } from "../../internal/failure.js"
import { expiry, withNow } from "../internal/time.js"
import * as Provider from "../Provider.js"
import { failureOf } from "./failures.js"
import { isId } from "./keys.js"
import type { News } from "./news.js"
import { decode, digits, encode, revisionLength, revisions, type Script, type Scripts } from "./scripts.js"

/** The client that the provider needs. A reply is a number, bytes or null; a failed command rejects. */
export interface Client {
  readonly get: (key: string) => Promise<Buffer | null>
  /**
   * Stores a record in place of another, by the server's own compare-and-set. Resolves to false if there is another
   * record, or none, or if the server turned out not to have such a command. Undefined once that is known.
   */
  swap: ((key: string, from: Buffer, to: Buffer, ttl: number) => Promise<boolean>) | undefined
  /** Executes a script; `isWhole` sends it in full, which saves a round trip if the server does not have it. */
  readonly run: (
    script: Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string | number | Buffer>,
    isWhole?: boolean
  ) => Promise<Buffer | number | null>
  /** The keys with a prefix, a batch at a time; a key may come twice. */
  readonly keys: (prefix: string) => AsyncIterable<ReadonlyArray<string>>
}

export interface Options {
  readonly name: string
  readonly client: Client
  readonly scripts: Scripts
  readonly capabilities: Provider.Capabilities
  /** The prefix of every key. */
  readonly prefix: string
  /** Waits until the session at a key has ended or moved. Left out if the server does not tell. */
  readonly news?: News | undefined
}

/** Calls the server. */
export const call = <A, B>(run: () => Promise<A>, reply: (reply: A) => B): Effect.Effect<B, Failure> =>
  Effect.callback((resume) => {
    run().then(
      (value) => resume(Effect.succeed(reply(value))),
      (cause) => resume(Effect.fail(failureOf(cause)))
    )
  })

/** The ids of the sessions under a prefix, each once, though a key may come twice. What is none in its form is left out. */
export const idsOf = (
  { keys }: Pick<Client, "keys">,
  prefix: string,
  idIn: (key: string) => string,
  isOne: (id: string) => boolean = (id) => id !== ""
): Stream.Stream<Provider.StoredId, Failure> =>
  Stream.suspend(() => {
    const seen = new Set<string>()
    return Stream.fromAsyncIterable(keys(prefix), failureOf).pipe(
      Stream.map((batch) =>
        batch.map(idIn).filter((id): id is Provider.StoredId => {
          const isNew = isOne(id) && !seen.has(id)
          seen.add(id)
          return isNew
        })
      ),
      Stream.flattenIterable
    )
  })

export const make = ({ capabilities, client, name, news, prefix, scripts }: Options): Provider.Provider => {
  const { inheritedIdChars } = capabilities
  // The part of an id that its successor inherits is in braces, so that a cluster keeps both keys on one node.
  const keyOf =
    inheritedIdChars === 0
      ? (id: string) => prefix + id
      : (id: string) => `${prefix}{${id.slice(0, inheritedIdChars)}}${id.slice(inheritedIdChars)}`
  const tagged = new RegExp(`^\\{(.{${inheritedIdChars}})\\}`, "s")
  const idOf =
    inheritedIdChars === 0
      ? (key: string) => key.slice(prefix.length)
      : (key: string) => {
          const id = key.slice(prefix.length)
          return tagged.test(id) ? id.replace(tagged, "$1") : ""
        }
  // Outside of the sessions' own keys, so that a listing of those does not see them; a mark is on its session's node in a
  // cluster.
  const markOf = (id: string) => `mark:${keyOf(id)}`
  const personOf = (id: string) => `principals:${keyOf(id)}`
  const nextRevision = revisions()

  /** A record's revision: the whole record, if the server can compare that itself. Scripts compare its beginning. */
  const revisionOf = (record: Buffer): Provider.Revision => {
    const isWhole = client.swap !== undefined && record.length <= maxSwapped
    return record.toString("latin1", 0, isWhole ? record.length : revisionLength) as Provider.Revision
  }

  const decoded = (reply: Buffer | null): Provider.Stored | undefined =>
    reply === null ? undefined : decode(reply, revisionOf(reply))

  const conflict = (reply: Buffer | null): Provider.Conflict | Provider.Gone =>
    reply === null ? Provider.gone : Provider.conflict(decoded(reply))

  /** Stores a payload under a new revision. */
  const store = <A>(
    payload: Uint8Array,
    ttl: Duration.Duration,
    run: (record: Buffer, ttl: number) => Promise<Buffer | number | null>,
    otherwise: (reply: Buffer | null) => A
  ): Effect.Effect<Provider.Written | A, Failure> =>
    withNow((now) => {
      const expiresAt = expiry(now, ttl)
      const record = encode(nextRevision(), expiresAt, payload)
      return call<Buffer | number | null, Provider.Written | A>(
        () => run(record, millis(ttl)),
        (reply) => (typeof reply === "number" ? Provider.written(revisionOf(record), expiresAt) : otherwise(reply))
      )
    })

  /** Writes by the server's own compare-and-set; if that refuses, the script says why. */
  const write = async (key: string, revision: Provider.Revision, record: Buffer, ttl: number) => {
    const swap = revision.length > revisionLength ? client.swap : undefined
    return (await swap?.(key, Buffer.from(revision, "latin1"), record, ttl))
      ? 1
      : client.run(scripts.write, [key], [record, ttl, token(revision)], swap !== undefined)
  }

  const ids = idsOf(client, prefix, idOf, isId)

  /** The records under some keys. The scripts are told where their marks are, if they can have any. */
  const records = (keyOf: (id: string) => string, markOf?: (id: string) => string) => {
    const keysOf = (id: string) => (markOf === undefined ? [keyOf(id)] : [keyOf(id), markOf(id)])
    return {
      read: (id) =>
        call(
          () => client.get(keyOf(id)),
          (reply) => Option.fromNullishOr(decoded(reply))
        ),
      create: (id, payload, ttl) =>
        store(
          payload,
          ttl,
          (record, ttl) => client.run(scripts.create, keysOf(id), [record, ttl]),
          () => Provider.exists
        ),
      write: (id, payload, ttl, revision) =>
        store(payload, ttl, (record, ttl) => write(keyOf(id), revision, record, ttl), conflict),
      destroy: (id: Provider.StoredId, mark?: Provider.Mark) =>
        call(
          () => client.run(scripts.destroy, keysOf(id), leaving(mark)),
          () => undefined
        )
    } satisfies Provider.Records<Failure>
  }

  const sessions = records(keyOf, markOf)

  return Provider.make({
    name,
    capabilities,
    ...sessions,
    principals: records(personOf),
    touch: (id, ttl) =>
      withNow((now) => {
        const expiresAt = expiry(now, ttl)
        return call(
          () => client.run(scripts.touch, [keyOf(id)], [digits(expiresAt), millis(ttl)]),
          (reply) => (reply === null ? Provider.gone : Provider.touched(expiresAt))
        )
      }),
    exists: (id) => Effect.map(sessions.read(id), Option.isSome),
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) =>
      store(
        payload,
        ttl,
        (record, ttl) =>
          client.run(
            scripts.regenerate,
            [keyOf(oldId), keyOf(newId), markOf(oldId)],
            [record, ttl, token(revision), ...leaving(mark)]
          ),
        conflict
      ),
    marked: (id) => call(() => client.get(markOf(id)), Option.fromNullishOr),
    changed: news && ((id) => news(keyOf(id))),
    count: Stream.runCount(ids),
    list: ids
  })
}

/** In bytes: larger records are not sent a second time to be compared. */
const maxSwapped = 4096

const token = (revision: Provider.Revision): string => revision.slice(0, revisionLength)

/** The arguments of a script that leaves a mark. */
const leaving = (mark: Provider.Mark | undefined): ReadonlyArray<string | number | Buffer> =>
  mark === undefined ? [] : [toBuffer(mark.content), millis(mark.ttl)]

/** A lifetime in whole milliseconds. Servers do not accept a fraction. */
export const millis = (ttl: Duration.Duration): number => Math.ceil(Duration.toMillis(ttl))
