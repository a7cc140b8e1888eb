/**
 * Lists live sessions: all of them, or a person's.
 */
import * as Console from "#effect/Console"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { findLive, type Seen } from "../Manager/findLive.js"
import { isRemembered, lastSeenOf } from "../Manager/lifetimes.js"
import { internals, type Manager } from "../Manager/Manager.js"
import { registerOf } from "../Manager/people/owner.js"
import type { Entry } from "../Manager/people/register.js"
import { listedBy } from "../Manager/people/sessionsOf.js"
import { SessionManager } from "../Manager/service.js"
import { nameOf } from "../Manager/Telemetry.js"
import type { SessionError } from "../SessionError.js"

/** A live session. Its times are in ISO 8601; undefined if only the session's own id could tell. */
interface Row {
  /** As in events and logs. */
  readonly session: string
  readonly began: string | undefined
  readonly signedIn: string | undefined
  readonly lastSeen: string | undefined
  readonly expires: string
  readonly remembered: boolean | undefined
}

/** How many sessions are read at once. */
const concurrency = 16

const iso = (millis: number | undefined): string | undefined =>
  millis === undefined ? undefined : new Date(millis).toISOString()

const toRow = ({ config }: Manager, seen: Seen & { readonly entry?: Entry }): Row => {
  const { data, entry, kept } = seen
  const listed = entry ?? { startedAt: 0, isRemembered: false }
  return {
    session: nameOf(kept.ref),
    began: iso(data?.createdAt),
    signedIn: iso(data?.owner?.startedAt ?? entry?.startedAt),
    lastSeen:
      data === undefined && entry === undefined ? undefined : iso(lastSeenOf(config, { data, kept, entry: listed })),
    expires: new Date(kept.expiresAt).toISOString(),
    remembered: data === undefined ? entry?.isRemembered : isRemembered(data)
  }
}

/** The live sessions of a person, with their entries in the person's list. */
export const ofPerson = (manager: Manager, principal: string) =>
  Effect.flatMap(listedBy(manager, "list", principal), (people) =>
    people.live(registerOf(principal, manager.config.app))
  )

const rows = (manager: Manager, principal: Option.Option<string>): Stream.Stream<Row, SessionError> => {
  const { environment } = internals(manager)
  return Option.match(principal, {
    onNone: () =>
      manager.list.pipe(
        Stream.mapEffect((ref) => findLive(environment, ref), { concurrency }),
        Stream.filter((seen) => seen !== undefined),
        Stream.map((seen) => toRow(manager, seen))
      ),
    onSome: (name) =>
      Stream.unwrap(
        Effect.map(ofPerson(manager, name), (live) => Stream.fromIterable(live.map((one) => toRow(manager, one))))
      )
  })
}

const columns: ReadonlyArray<readonly [title: string, width: number, (row: Row) => string | undefined]> = [
  ["SESSION", 12, ({ session }) => session],
  ["BEGAN", 20, ({ began }) => short(began)],
  ["SIGNED IN", 20, ({ signedIn }) => short(signedIn)],
  ["LAST SEEN", 20, ({ lastSeen }) => short(lastSeen)],
  ["EXPIRES", 20, ({ expires }) => short(expires)],
  ["REMEMBERED", 10, ({ remembered }) => (remembered === true ? "yes" : undefined)]
]

/** To the second. */
const short = (time: string | undefined): string | undefined => time?.replace(/\.\d+/, "")

const line = (cells: ReadonlyArray<string | undefined>): string =>
  columns
    .map(([, width], i) => (cells[i] ?? "-").padEnd(width))
    .join("  ")
    .trimEnd()

/** Prints a table, or an object of JSON on each line. */
export const list = ({ json, principal }: { readonly json: boolean; readonly principal: Option.Option<string> }) =>
  Effect.gen(function* () {
    const manager = yield* SessionManager
    if (!json) {
      yield* Console.log(line(columns.map(([title]) => title)))
    }
    yield* Stream.runForEach(rows(manager, principal), (row) =>
      Console.log(json ? JSON.stringify(row) : line(columns.map(([, , cell]) => cell(row))))
    )
  })

/** Prints how many live sessions there are, or how many a person has. */
export const count = ({ principal }: { readonly principal: Option.Option<string> }) =>
  Effect.gen(function* () {
    const manager = yield* SessionManager
    const found = Option.isNone(principal) ? yield* manager.count : (yield* ofPerson(manager, principal.value)).length
    yield* Console.log(String(found))
  })
