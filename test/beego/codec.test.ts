// beego's codec behind the manager: what becomes of a Go app's session when a request here reads, changes and writes it.
import { readFileSync } from "node:fs"
import {
  type SessionError,
  SessionHttp,
  SessionLayer,
  SessionManager,
  SessionProvider,
  SessionStore
} from "effect-session"
import * as Beego from "effect-session/beego"
import * as Memory from "effect-session/memory"
import { webHandlers } from "#dialect/http"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"
import * as Stream from "#effect/Stream"
import { describe, expect, it } from "#test/vitest"
import { comparable, describeSession } from "./describe.js"

/** Its names are none of the recorded sessions'. */
class Ours extends SessionStore.Tag<Ours>()("Ours", {
  "our name": Schema.String,
  "our count": SessionStore.field(Schema.Int, { default: () => 0 })
}) {}

class Visitor extends SessionStore.Tag<Visitor>()("Visitor", {
  username: Schema.String,
  visits: Schema.Int,
  ratio: Schema.Number,
  member: Schema.Boolean,
  photo: Schema.Uint8Array,
  since: Schema.Date,
  list: Schema.Array(Schema.Int),
  "our name": Schema.String
}) {}

const { Gob } = Beego

interface Vector {
  readonly name: string
  readonly hex: string
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("../data/beego/vectors.json", import.meta.url), "utf8")
).gob

const recorded = (name: string): Buffer => Buffer.from(vectors.find((vector) => vector.name === name)!.hex, "hex")

const decoded = (payload: Uint8Array) => Result.getOrThrow(Gob.decode(payload))

/** A session as comparable values, without the fields that were written here. */
const described = (payload: Uint8Array) => {
  const { fields, others } = decoded(payload)
  const theirs = new Map([...fields].filter(([name]) => !name.startsWith("our ")))
  return comparable(describeSession({ fields: theirs, others }))
}

const goTypes = (payload: Uint8Array) =>
  Object.fromEntries(Array.from(decoded(payload).fields, ([name, { goType }]) => [name, goType]))

const id = "0123456789abcdef0123456789abcdef" as SessionProvider.StoredId

/** Sessions in memory, of which one, `id`, is what a Go app has put there. */
const begin = (payload?: Uint8Array) =>
  Effect.gen(function* () {
    const provider = Memory.make()
    if (payload !== undefined) {
      yield* provider.create(id, payload, Duration.hours(1))
    }
    const context = yield* Layer.build(
      SessionLayer.make(
        Layer.succeed(SessionProvider.SessionProvider, provider),
        { ...Beego.defaults, maxBytes: 10_000_000 },
        Beego.codec
      )
    )
    const events: Array<string> = []
    yield* Context.get(context, SessionManager.SessionManager).events.pipe(
      Stream.runForEach((event) =>
        Effect.sync(() =>
          events.push(event._tag === "Dropped" && event.field !== undefined ? `Dropped ${event.field}` : event._tag)
        )
      ),
      Effect.forkScoped
    )
    yield* Effect.sleep(1)

    /** What a handler answers, to the client that has the session; then what the client got. */
    const request = <A>(use: Effect.Effect<A, SessionError, Ours | Visitor>) =>
      Effect.gen(function* () {
        let answer: Result.Result<A, SessionError> | undefined
        const handlers = webHandlers<SessionManager.SessionManager>()
        const handle = (yield* Effect.provide(handlers, context))(
          SessionHttp.middleware(
            Ours,
            Visitor
          )(
            Effect.as(
              Effect.map(Effect.result(use), (result) => {
                answer = result
              }),
              HttpServerResponse.empty()
            )
          )
        )
        const response = yield* Effect.promise(() =>
          handle(new Request("http://localhost/", { headers: { cookie: `beegosessionID=${id}` } }))
        )
        // For the events to come.
        yield* Effect.sleep(1)
        return { answer: answer!, status: response.status, setCookie: response.headers.getSetCookie() }
      })

    /** What is stored under the id. */
    const stored = Effect.map(provider.read(id), (found) => Option.getOrThrow(found).payload)

    return { provider, request, stored, events }
  })

const visitor = <A>(f: (session: SessionStore.Session<typeof Visitor.fields>) => Effect.Effect<A, SessionError>) =>
  Effect.flatMap(Visitor, f)

const write = Effect.flatMap(Ours, (session) =>
  Effect.andThen(
    session.set("our name", "ada"),
    session.update("our count", (n) => n + 1)
  )
)

describe("what no store declares is kept through reads and writes", () => {
  for (const { hex, name } of vectors) {
    it.live(name, () =>
      Effect.gen(function* () {
        const before = Buffer.from(hex, "hex")
        const { events, provider, request, stored } = yield* begin(before)
        expect((yield* request(write)).setCookie).toEqual([])
        expect((yield* request(write)).answer).toEqual(Result.succeed(2))
        const written = yield* stored
        expect(goTypes(written)).toMatchObject({ "our name": "string", "our count": "int" })
        expect(described(written)).toEqual(described(before))
        // A new id, too, is one more write.
        const { setCookie } = yield* request(Effect.flatMap(Ours, (session) => session.regenerate))
        const next = /^beegosessionID=([0-9a-f]{32});/.exec(setCookie[0]!)![1] as SessionProvider.StoredId
        const moved = Option.getOrThrow(yield* provider.read(next))
        expect(described(moved.payload)).toEqual(described(before))
        expect(events).toEqual(["Saved", "Saved", "Regenerated"])
      }).pipe(Effect.scoped)
    )
  }

  it.live("bytes that only Go can read are the same bytes", () =>
    Effect.gen(function* () {
      const { request, stored } = yield* begin(recorded("time_sub_minute_zone"))
      yield* request(write)
      const opaque = (payload: Uint8Array) =>
        [...decoded(payload).fields.values()].flatMap(({ content, type }) =>
          type.kind === "opaque" ? [Buffer.from(content as Uint8Array).toString("hex")] : []
        )
      expect(opaque(yield* stored)).toEqual(opaque(recorded("time_sub_minute_zone")))
      expect(opaque(yield* stored).length).toBe(1)
    }).pipe(Effect.scoped)
  )
})

const broken: Record<string, Buffer> = {
  "bytes that are no gob": Buffer.from("no session at all"),
  "a session that was cut off": recorded("mixed").subarray(0, -5),
  "another format's session": Buffer.from(`{"t":1,"d":{}}`)
}

describe("a session that cannot be read", () => {
  for (const [name, payload] of Object.entries(broken)) {
    it.live(`${name}: the visitor is anonymous, it is reported once, and nothing is overwritten`, () =>
      Effect.gen(function* () {
        const { events, provider, request, stored } = yield* begin(payload)
        const read = yield* request(visitor((session) => Effect.all([session.get("username"), session.isNew])))
        expect(read).toEqual({ answer: Result.succeed([Option.none(), true]), status: 204, setCookie: [] })
        expect(events).toEqual(["Dropped"])
        const written = yield* request(write)
        expect(written.setCookie.length).toBe(1)
        expect(written.setCookie[0]).not.toContain(id)
        expect(Buffer.from(yield* stored).equals(payload)).toBe(true)
        expect(yield* provider.count!).toBe(2)
        expect(events).toEqual(["Dropped", "Dropped", "Created"])
      }).pipe(Effect.scoped)
    )
  }

  it.live("no bytes at all are a session without values, as beego stores a new one", () =>
    Effect.gen(function* () {
      const { events, request, stored } = yield* begin(Buffer.alloc(0))
      const read = yield* request(visitor((session) => Effect.all([session.get("username"), session.isNew])))
      expect(read.answer).toEqual(Result.succeed([Option.none(), false]))
      const { setCookie } = yield* request(visitor((session) => session.set("username", "ada")))
      expect(setCookie).toEqual([])
      expect(goTypes(yield* stored)).toEqual({ username: "string" })
      expect(events).toEqual(["Saved"])
    }).pipe(Effect.scoped)
  )
})

describe("a value of another Go type than the field's", () => {
  it.live(
    "is as if it were not set, is reported by the field's name, and stays until the field is set or deleted",
    () =>
      Effect.gen(function* () {
        const { fields, others } = decoded(recorded("two_strings"))
        const [name] = [...fields.keys()]
        const seven = Result.getOrThrow(Beego.codec.field(Schema.Int).encode(7)) as Beego.Gob.GobValue
        const { events, request, stored } = yield* begin(
          Result.getOrThrow(Gob.encode({ fields: new Map([...fields, ["username", seven]]), others }))
        )
        const { answer, status } = yield* request(visitor((session) => session.get("username")))
        expect([answer, status]).toEqual([Result.succeed(Option.none()), 204])
        expect(events).toEqual(["Dropped username"])
        yield* request(write)
        expect(goTypes(yield* stored)["username"]).toBe("int")
        yield* request(visitor((session) => session.set("username", "ada")))
        expect(goTypes(yield* stored)).toMatchObject({ [name!]: "string", username: "string" })
        yield* request(visitor((session) => session.delete("username")))
        expect(Object.keys(goTypes(yield* stored))).not.toContain("username")
      }).pipe(Effect.scoped)
  )

  it.live("is read where it holds the value all the same: an int64 for an Int", () =>
    Effect.gen(function* () {
      const value = Result.getOrThrow(Beego.codec.field(Schema.Int.pipe(Gob.int64)).encode(41)) as Beego.Gob.GobValue
      const { events, request } = yield* begin(
        Result.getOrThrow(Gob.encode({ fields: new Map([["visits", value]]), others: [] }))
      )
      const { answer } = yield* request(visitor((session) => session.get("visits")))
      expect(answer).toEqual(Result.succeed(Option.some(41)))
      expect(events).toEqual([])
    }).pipe(Effect.scoped)
  )
})

describe("what is written", () => {
  it.live("has the Go types of beego's code, and reads back the same", () =>
    Effect.gen(function* () {
      const since = new Date("2026-11-23T07:00:00.123Z")
      const photo = Uint8Array.of(0, 255)
      const { request, stored } = yield* begin(Buffer.alloc(0))
      yield* request(
        visitor((session) =>
          Effect.all([
            session.set("username", "ada"),
            session.set("visits", 3),
            session.set("ratio", 3),
            session.set("member", false),
            session.set("photo", photo),
            session.set("since", since)
          ])
        )
      )
      expect(goTypes(yield* stored)).toEqual({
        username: "string",
        visits: "int",
        ratio: "float64",
        member: "bool",
        photo: "[]uint8",
        since: "time.Time"
      })
      const { answer } = yield* request(
        visitor((session) =>
          Effect.all([session.get("visits"), session.get("ratio"), session.get("photo"), session.get("since")])
        )
      )
      expect(answer).toEqual(Result.succeed([3, 3, photo, since].map(Option.some)))
    }).pipe(Effect.scoped)
  )

  it.live("is one namespace for all stores, as Go has no stores", () =>
    Effect.gen(function* () {
      const { request } = yield* begin(Buffer.alloc(0))
      yield* request(visitor((session) => session.set("our name", "ada")))
      const { answer } = yield* request(Effect.flatMap(Ours, (session) => session.get("our name")))
      expect(answer).toEqual(Result.succeed(Option.some("ada")))
    }).pipe(Effect.scoped)
  )

  /** More values than a gob stream may have. */
  const many = Array.from({ length: 300_000 }, () => 0)

  it.live("what gob cannot hold is a typed error at the save, and nothing is stored", () =>
    Effect.gen(function* () {
      const { provider, request } = yield* begin()
      const { answer, setCookie, status } = yield* request(
        visitor((session) => Effect.andThen(session.set("list", many), session.save))
      )
      expect(Result.flip(answer).pipe(Result.getOrThrow)).toMatchObject({
        reason: "TooLarge",
        message: "the session cannot be stored as gob: the limit of 262144 values is exceeded"
      })
      expect([status, setCookie, yield* provider.count!]).toEqual([500, [], 0])
    }).pipe(Effect.scoped)
  )

  it.live("the same at the end of a request: the session stays as it was", () =>
    Effect.gen(function* () {
      const before = recorded("two_strings")
      const { request, stored } = yield* begin(before)
      const { answer, setCookie, status } = yield* request(
        visitor((session) => Effect.andThen(session.set("username", "ada"), session.set("list", many)))
      )
      expect([Result.isSuccess(answer), status, setCookie]).toEqual([true, 500, []])
      expect(Buffer.from(yield* stored).equals(before)).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("text that is not Unicode is refused when it is set", () =>
    Effect.gen(function* () {
      const { provider, request } = yield* begin()
      const { answer } = yield* request(visitor((session) => session.set("username", "\ud800")))
      expect(Result.flip(answer).pipe(Result.getOrThrow)).toMatchObject({ reason: "InvalidValue" })
      expect(yield* provider.count!).toBe(0)
    }).pipe(Effect.scoped)
  )
})
