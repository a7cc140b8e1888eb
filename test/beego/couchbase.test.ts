// beego's couchbase layout, on the stand-in or on the cluster that COUCHBASE_URL names: conformance, and the documents as beego has them.
import { connect, RawBinaryTranscoder, type Transcoder } from "couchbase"
import { type SessionError, SessionProvider } from "effect-session"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import { describe, expect, it } from "#test/vitest"
import * as BeegoCouchbase from "../../src/beego/layouts/couchbase.js"
import { conforms } from "../provider/conforms.js"
import { shared } from "../provider/shared.js"
import * as Servers from "../servers/Couchbase.js"
import { recorded } from "./layout.js"

const id = (letter: string) => letter.repeat(32) as SessionProvider.StoredId

/** Documents as they are, with their flags. */
const asIs: Transcoder = {
  encode: (value) => [value, 0],
  decode: (bytes, flags) => ({ text: bytes.toString("utf8"), flags })
}

describe("beego's couchbase", () => {
  const target = shared(Servers.target())
  const layer = Effect.map(target, (target) => BeegoCouchbase.layer({ url: Redacted.make(Servers.sessionUrl(target)) }))
  conforms(
    layer,
    {
      consistency: "compareContent",
      regenerate: "ordered",
      maxPayload: Math.floor(((20 * 1024 * 1024 - 2) * 3) / 4) - 2,
      expirySlack: 4_200
    },
    false,
    false
  )

  const both = Effect.all({
    provider: Effect.map(Effect.flatMap(layer, Layer.build), Context.get(SessionProvider.SessionProvider)),
    documents: Effect.flatMap(target, ({ bucket, password, url, username }) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.promise(() => connect(url, { username, password })),
          (cluster) => Effect.promise(() => cluster.close())
        ),
        (cluster) => cluster.bucket(bucket).defaultCollection()
      )
    )
  })

  it.live("a session is a JSON string of base64 under its id, with flags 0", () =>
    Effect.gen(function* () {
      const { documents, provider } = yield* both
      yield* provider.create(id("a"), recorded, Duration.hours(1))
      const found = yield* Effect.promise(() => documents.get(id("a"), { transcoder: asIs }))
      expect(found.content).toEqual({ text: JSON.stringify(recorded.toString("base64")), flags: 0 })
    })
  )

  it.live("what beego writes is read, and a write that has not seen it is refused", () =>
    Effect.gen(function* () {
      const { documents, provider } = yield* both
      const beego = (payload: Buffer) =>
        Effect.promise(() =>
          documents.upsert(id("b"), Buffer.from(JSON.stringify(payload.toString("base64"))), { transcoder: asIs })
        )
      yield* beego(recorded)
      const read = Option.getOrThrow(yield* provider.read(id("b")))
      expect(Buffer.from(read.payload)).toEqual(recorded)
      yield* beego(Buffer.from("second"))
      expect((yield* provider.write(id("b"), Buffer.from("mine"), Duration.minutes(1), read.revision))._tag).toBe(
        "Conflict"
      )
      expect(Option.map(yield* provider.read(id("b")), ({ payload }) => Buffer.from(payload).toString())).toEqual(
        Option.some("second")
      )
      yield* beego(Buffer.alloc(0))
      expect(Option.map(yield* provider.read(id("b")), ({ payload }) => payload.length)).toEqual(Option.some(0))
    })
  )

  it.live("a session of many megabytes is read again", () =>
    Effect.gen(function* () {
      const { provider } = yield* both
      const large = Buffer.alloc(12 * 1024 * 1024, "many bytes ")
      // A busy machine may need more than the two seconds that a call may take.
      const patiently = <A>(call: Effect.Effect<A, SessionError>) =>
        Effect.retry(call, { times: 10, while: ({ reason }) => reason === "Unavailable" })
      yield* patiently(provider.create(id("f"), large, Duration.hours(1)))
      expect(Option.map(yield* patiently(provider.read(id("f"))), ({ payload }) => large.equals(payload))).toEqual(
        Option.some(true)
      )
    })
  )

  it.live("a document of the app's is no session, and stays", () =>
    Effect.gen(function* () {
      const { documents, provider } = yield* both
      for (const [letter, value] of [
        ["c", Buffer.from(`{"a":1}`)],
        ["d", Buffer.from(`"not base64!"`)],
        ["e", Buffer.from([0, 1, 2])]
      ] as const) {
        yield* Effect.promise(() => documents.upsert(id(letter), value, { transcoder: new RawBinaryTranscoder() }))
        expect(Option.isNone(yield* provider.read(id(letter)))).toBe(true)
        expect((yield* provider.create(id(letter), recorded, Duration.hours(1)))._tag).toBe("Exists")
        const kept = yield* Effect.promise(() => documents.get(id(letter), { transcoder: new RawBinaryTranscoder() }))
        expect(kept.content).toEqual(value)
      }
    })
  )
})
