/**
 * What becomes of sessions when the list of servers changes. A server that was taken out of the list and is put back
 * still holds what it held, and with it every session that ended in between. So each server has a record: the list that
 * it was used with last, and a number that grows with each change of the list. When an app starts, a server whose number
 * is behind that of the others has missed a list, and its sessions are removed.
 *
 * A record that was evicted, or lost in a restart, says nothing: the server is taken as it is.
 */
import { hash } from "node:crypto"
import * as Effect from "#effect/Effect"
import { Failure } from "../../internal/failure.js"
import { fromCause, type SessionError } from "../../SessionError.js"
import { principals } from "../internal/casProvider.js"
import type { Item } from "../internal/casValue.js"
import * as Protocol from "./protocol.js"
import { backend, type Member } from "./servers.js"

interface Record {
  readonly number: number
  readonly list: string
}

const form = /^(\d{1,15}) ([A-Za-z0-9_-]{43})$/

const decode = (item: Item<string> | undefined): Record | undefined => {
  const [, number, list] = form.exec(item?.value.toString("latin1") ?? "") ?? []
  return list === undefined ? undefined : { number: Number(number), list }
}

const encode = ({ list, number }: Record): Buffer => Buffer.from(`${number} ${list}`, "latin1")

/** How many keys are removed at a time. */
const batch = 1_000

/** Removes all sessions of a server, and its records of people: these may lack sessions that began meanwhile. */
const clear = ({ address, ask }: Member, prefix: string, record: string): Effect.Effect<void, Error> =>
  Effect.gen(function* () {
    const found = yield* Effect.catch(ask(Protocol.keys()), () =>
      Effect.fail(
        new Failure(
          `${address} was not in the list of servers for a while, and does not tell which sessions it still holds`,
          `flush it: printf 'flush_all\\r\\n' | nc ${address.replace(/:(\d+)$/, " $1")}`
        )
      )
    )
    const under = (prefix: string) => found.filter((key) => key.startsWith(prefix) && key !== record)
    const sessions = under(prefix)
    const ours = [...sessions, ...under(`${principals}${prefix}`)]
    for (let i = 0; i < ours.length; i += batch) {
      yield* Effect.forEach(ours.slice(i, i + batch), (key) => ask(Protocol.remove(key)), {
        concurrency: "unbounded",
        discard: true
      })
    }
    yield* Effect.logWarning(
      `memcached: ${address} was not in the list of servers for a while: ${sessions.length} sessions that it still held were removed, since they may have ended meanwhile`
    )
  })

/** Sees to it that no server holds sessions of before the list changed. Servers that are away are not asked. */
export const checkList = (
  members: ReadonlyArray<Member>,
  addresses: ReadonlyArray<string>,
  prefix: string
): Effect.Effect<void, SessionError> =>
  Effect.gen(function* () {
    // No id has this character.
    const key = `${prefix}~servers`
    const list = hash("sha256", [...addresses].sort().join(","), "base64url")
    const records = yield* Effect.forEach(
      members,
      ({ ask }) => Effect.catch(Effect.map(ask(Protocol.gets(key)), decode), () => Effect.succeed(undefined)),
      { concurrency: "unbounded" }
    )
    const latest = Math.max(0, ...records.map((record) => record?.number ?? 0))
    if (records.every((record) => record?.number === latest && record.list === list)) {
      return
    }
    for (const [i, record] of records.entries()) {
      if (record !== undefined && record.number < latest) {
        yield* clear(members[i]!, prefix, key)
      }
    }
    const isSame = records.every((record) => record === undefined || (record.number === latest && record.list === list))
    const next = encode({ list, number: isSame ? Math.max(1, latest) : latest + 1 })
    yield* Effect.forEach(members, ({ ask }) => Effect.ignore(ask(Protocol.set(key, next))), { discard: true })
  }).pipe(Effect.mapError(fromCause(backend, "connect")))
