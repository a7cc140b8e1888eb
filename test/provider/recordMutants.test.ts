/**
 * The conformance suite, tested: a provider whose records of people are broken in any of these ways fails it.
 */
import { SessionProvider } from "effect-session"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { describe, it } from "#test/vitest"
import { capabilities, failsFor, ofMemory, optional, passes, shorter } from "./mutants.js"

type Records = NonNullable<SessionProvider.Provider["principals"]>

type Mutant = (records: Records, provider: SessionProvider.Provider) => Partial<Records>

const mutants: Readonly<Record<string, Mutant>> = {
  "records are sessions": (_, provider) => provider,
  "a record is read where a session has its id": (records, provider) => ({
    read: (id) =>
      Effect.flatMap(records.read(id), (found) => (Option.isSome(found) ? Effect.succeed(found) : provider.read(id)))
  }),
  "a session's id is taken for a record": (records, provider) => ({
    create: (id, ...rest) =>
      Effect.flatMap(provider.exists(id), (taken) =>
        taken ? Effect.succeed(SessionProvider.exists) : records.create(id, ...rest)
      )
  }),
  "a mark keeps a record from being created": (records, provider) => ({
    create: (id, ...rest) =>
      Effect.flatMap(provider.marked!(id), (mark) =>
        Option.isSome(mark) ? Effect.succeed(SessionProvider.exists) : records.create(id, ...rest)
      )
  }),
  "destroy ends the session at the same id": (records, provider) => ({
    destroy: (id) => Effect.andThen(records.destroy(id), provider.destroy(id))
  }),
  "destroy does nothing": () => ({ destroy: () => Effect.void }),
  "destroy leaves an empty record": (records) => ({
    destroy: (id) =>
      Effect.andThen(records.destroy(id), Effect.asVoid(records.create(id, new Uint8Array(), Duration.hours(1))))
  }),
  "create overwrites": (records) => ({
    create: (id, ...rest) => Effect.andThen(records.destroy(id), records.create(id, ...rest))
  }),
  "write compares nothing": (records) => ({
    write: (id, payload, ttl, revision) =>
      Effect.flatMap(records.read(id), (found) =>
        records.write(id, payload, ttl, Option.isSome(found) ? found.value.revision : revision)
      )
  }),
  "write creates what is not there": (records) => ({
    write: (id, payload, ttl, revision) =>
      Effect.tap(records.write(id, payload, ttl, revision), (result) =>
        result._tag === "Gone" ? Effect.asVoid(records.create(id, payload, ttl)) : Effect.void
      )
  }),
  "a conflict shows what was to be written": (records) => ({
    write: (id, payload, ttl, revision) =>
      Effect.map(records.write(id, payload, ttl, revision), (result) =>
        result._tag === "Conflict" ? SessionProvider.conflict({ ...result.current!, payload }) : result
      )
  }),
  "write keeps the lifetime": (records) => ({
    write: (id, payload, ttl, revision) =>
      Effect.flatMap(records.read(id), (found) =>
        records.write(
          id,
          payload,
          Option.isSome(found) && Duration.toMillis(ttl) < 86_400_000 ? Duration.days(1) : ttl,
          revision
        )
      )
  }),
  "a record lives half a second short": (records) => ({
    create: (id, payload, ttl) => records.create(id, payload, shorter(ttl))
  }),
  "a record never expires": (records) => ({
    create: (id, payload) => records.create(id, payload, Duration.infinity)
  }),
  "an empty record is none": (records) => ({
    read: (id) =>
      Effect.map(
        records.read(id),
        Option.filter(({ payload }) => payload.length > 0)
      )
  }),
  "a record is text": (records) => ({
    read: (id) =>
      Effect.map(
        records.read(id),
        Option.map((stored) => ({ ...stored, payload: Buffer.from(Buffer.from(stored.payload).toString("utf8")) }))
      )
  }),
  "a record is cut at 65,535 bytes": (records) => ({
    write: (id, payload, ttl, revision) => records.write(id, payload.subarray(0, 65_535), ttl, revision)
  }),
  "bytes are shared with the caller": (records) => {
    const given = new Map<string, Uint8Array>()
    return {
      create: (id, payload, ttl) => {
        given.set(id, payload)
        return records.create(id, payload, ttl)
      },
      read: (id) =>
        Effect.map(
          records.read(id),
          Option.map((stored) => {
            const payload = given.get(id)
            return payload?.length === stored.payload.length ? { ...stored, payload } : stored
          })
        )
    }
  },
  "revisions begin anew with each record": (records) => {
    const born = new Map<string, number>()
    const relative = (id: string, revision: string) => String(Number(revision) - (born.get(id) ?? 0))
    return {
      create: (id, payload, ttl) =>
        Effect.map(records.create(id, payload, ttl), (result) => {
          if (result._tag === "Exists") return result
          born.set(id, Number(result.revision))
          return SessionProvider.written(relative(id, result.revision), result.expiresAt)
        }),
      read: (id) =>
        Effect.map(
          records.read(id),
          Option.map((stored) => ({
            ...stored,
            revision: relative(id, stored.revision) as SessionProvider.Revision
          }))
        ),
      write: (id, payload, ttl, revision) =>
        Effect.map(
          records.write(id, payload, ttl, String(Number(revision) + (born.get(id) ?? 0)) as SessionProvider.Revision),
          (result) =>
            result._tag === "Written"
              ? SessionProvider.written(relative(id, result.revision), result.expiresAt)
              : result
        )
    }
  },
  "write reads, compares, and overwrites later": (records) => ({
    write: (id, payload, ttl, revision) =>
      Effect.flatMap(records.read(id), (found) =>
        Option.isNone(found)
          ? Effect.succeed(SessionProvider.gone)
          : found.value.revision !== revision
            ? Effect.succeed(SessionProvider.conflict())
            : Effect.yieldNow.pipe(
                Effect.andThen(records.read(id)),
                Effect.flatMap((now) =>
                  records.write(id, payload, ttl, Option.isSome(now) ? now.value.revision : revision)
                )
              )
      )
  })
}

/** What a provider does with its records where it should do nothing. */
const providers: Readonly<Record<string, (provider: SessionProvider.Provider) => Partial<SessionProvider.Provider>>> = {
  "records are counted": (provider) => {
    let created = 0
    return {
      principals: {
        ...provider.principals!,
        create: (...args) => {
          created++
          return provider.principals!.create(...args)
        }
      },
      count: Effect.map(provider.count!, (count) => count + created)
    }
  },
  "records are listed": (provider) => {
    const created: Array<SessionProvider.StoredId> = []
    return {
      principals: {
        ...provider.principals!,
        create: (id, ...rest) => {
          created.push(id)
          return provider.principals!.create(id, ...rest)
        }
      },
      list: Stream.concat(
        provider.list!,
        Stream.suspend(() => Stream.fromIterable(created))
      )
    }
  },
  "records are counted as collected": (provider) => {
    let created = 0
    return {
      principals: {
        ...provider.principals!,
        create: (id, payload, ttl) => {
          created += Duration.toMillis(ttl) < 86_400_000 ? 1 : 0
          return provider.principals!.create(id, payload, ttl)
        }
      },
      gc: Effect.map(provider.gc!, (count) => count + created)
    }
  },
  "regenerate moves the record, too": (provider) => ({
    regenerate: (move) =>
      Effect.tap(provider.regenerate(move), () =>
        Effect.andThen(
          provider.principals!.destroy(move.oldId),
          provider.principals!.create(move.newId, move.payload, move.ttl)
        )
      )
  }),
  "destroy of a session ends the record at its id": (provider) => ({
    destroy: (id, mark) => Effect.andThen(provider.destroy(id, mark), provider.principals!.destroy(id))
  })
}

describe("the conformance suite, of people's records", () => {
  for (const [name, change] of Object.entries(mutants)) {
    const broken = (provider: SessionProvider.Provider) => ({
      principals: { ...provider.principals!, ...change(provider.principals!, provider) }
    })
    it.effect(`fails where ${name}`, () => failsFor(ofMemory(broken, { capabilities, optional })))
  }

  for (const [name, change] of Object.entries(providers)) {
    it.effect(`fails where ${name}`, () => failsFor(ofMemory(change, { capabilities, optional })))
  }

  it.effect("passes a provider without records", () =>
    passes(ofMemory(() => ({ principals: undefined }), { capabilities, optional: { ...optional, principals: false } }))
  )
})
