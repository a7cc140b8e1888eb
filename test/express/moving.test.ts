// From the layout of express' sessions to this library's own, while people are signed in.
import { createHmac } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionCodec, SessionError, SessionLayer, SessionManager, type SessionProvider } from "effect-session"
import * as Express from "effect-session/express"
import * as ExpressStore from "effect-session/express-store"
import * as File from "effect-session/file"
import * as Postgres from "effect-session/postgres"
import * as Redis from "effect-session/redis"
import * as Sqlite from "effect-session/sqlite"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { describe, expect, it } from "#test/vitest"
import { SessionProvider as Tag } from "../../src/Provider/Provider.js"
import { increment, Shop, signOut } from "../people/site.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"
import { idIn, keys, layerOf, moving, options, type Places } from "../support/moving.js"
import { cases, look, nobody, onMemory, overwrite, visited } from "./movingCases.js"

for (const hashed of [false, true]) {
  describe(hashed ? "under the hashes of their ids" : "under their ids", () => cases(hashed))
}

it.effect("what cannot be promised is refused", () =>
  Effect.gen(function* () {
    const places = yield* onMemory()
    const { marked: _, ...unmarked } = places.to
    const error = (
      given: Partial<SessionLayer.MovingOptions>,
      more: Parameters<typeof SessionLayer.moving>[1] = options
    ) =>
      Effect.map(
        Effect.flip(
          Effect.scoped(
            Layer.build(
              SessionLayer.moving(
                { from: layerOf(places.from), codec: Express.codec, to: layerOf(places.to), stores: [Shop], ...given },
                more
              )
            )
          )
        ),
        ({ message }) => message
      )
    expect(yield* error({ to: layerOf(unmarked) })).toMatch(/^to: memory keeps no marks/)
    expect(yield* error({}, { ...options, id: { hashed: false } })).toMatch(/^id\.hashed: sessions move to the hashes/)
    expect(yield* error({}, { ...options, validFrom: "2026-01-01T00:00:00Z" })).toMatch(/^validFrom: /)
    expect(yield* error({}, {})).toMatch(/^id: expected the form of the ids that move/)
    expect(yield* error({ codec: SessionCodec.json })).toMatch(/^codec: expected another library's format/)
    expect(yield* error({ hashed: true }, { ...options, app: "shop" })).toMatch(/^hashed, app: both places must have/)
    // As in a cluster.
    const kept = ({ capabilities, ...provider }: typeof places.from) =>
      layerOf({ ...provider, capabilities: { ...capabilities, inheritedIdChars: 3 } })
    const cluster = { from: kept(places.from), to: kept(places.to), hashed: true }
    expect(yield* error(cluster, { ...options, id: { prefix: "s_" } })).toMatch(/^hashed, id\.prefix: in a cluster/)
  })
)

it.effect("a layer that would not find the sessions is not built, so that nobody is signed out", () =>
  Effect.gen(function* () {
    const build = (places: Places) => Effect.scoped(Effect.asVoid(moving(places)))
    const refused = (places: Places) => Effect.map(Effect.flip(build(places)), ({ message }) => message)
    const [unhashed, hashed] = [yield* onMemory(), yield* onMemory(true)]
    yield* build(unhashed)
    yield* build(hashed)
    yield* visited(unhashed)
    yield* visited(hashed)
    const { hashed: _, ...unsaid } = hashed
    expect(yield* refused(unsaid)).toBe(
      "hashed: memory seems to have sessions under hashes of their ids, as an ExpressStore does: set it to true, or to false if these are the ids"
    )
    expect(yield* refused({ ...unhashed, hashed: true })).toBe(
      "hashed: memory has sessions under their ids, and not under hashes of them: leave it out"
    )
    yield* build({ ...hashed, hashed: false })
  })
)

it.effect("a place with some ids of another kind is not refused, nor one that cannot be listed now", () =>
  Effect.gen(function* () {
    const mixed = yield* onMemory(true)
    const { cookie } = yield* visited(mixed)
    const list = Stream.concat(Stream.make("another-id" as SessionProvider.StoredId), mixed.from.list!)
    expect((yield* (yield* moving({ ...mixed, from: { ...mixed.from, list } })).send(cookie, look)).body).toEqual([
      1,
      "book"
    ])
    for (const list of [
      Stream.fail(new SessionError({ reason: "Unavailable", message: "no right to SCAN" })),
      Stream.never
    ]) {
      const places = yield* onMemory()
      const visitor = yield* visited(places)
      const now = yield* moving({ ...places, from: { ...places.from, list } }, { timeout: "50 millis" })
      expect((yield* now.send(visitor.cookie, look)).body).toEqual([1, "book"])
    }
  })
)

it.live("one place is refused, where sessions would be neither the one nor the other", () =>
  Effect.gen(function* () {
    const directory = mkdtempSync(join(tmpdir(), "moving-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true })))
    const build = (to: string, hashed: boolean) =>
      SessionLayer.moving(
        {
          from: File.layer({ directory }),
          codec: Express.codec,
          hashed,
          to: File.layer({ directory: to }),
          stores: [Shop]
        },
        options
      ).pipe(Layer.build, Effect.scoped)
    for (const hashed of [false, true]) {
      expect((yield* Effect.flip(build(directory, hashed))).message).toBe(
        "to: file keeps sessions in the same place as `from`: give it another prefix, table, directory or server"
      )
      expect(yield* SessionManager.count.pipe(Effect.provide(SessionLayer.file({ directory })))).toBe(0)
      yield* build(join(directory, "new"), hashed)
    }
  })
)

it.effect("health is that of both places", () =>
  Effect.gen(function* () {
    const { from, to } = yield* onMemory()
    let isUp = true
    const exists: typeof from.exists = (id) =>
      isUp ? from.exists(id) : Effect.fail(new SessionError({ reason: "Unavailable", message: "gone" }))
    const { manager } = yield* moving({ from: { ...from, exists }, to })
    const health = Effect.provideService(SessionManager.health, SessionManager.SessionManager, manager)
    yield* health
    isUp = false
    expect((yield* Effect.flip(health)).message).toBe("gone")
  })
)

it.live("sessions that an ExpressStore has kept, as it does by default, move", () =>
  Effect.gen(function* () {
    const places = yield* onMemory(true)
    const store = ExpressStore.make(places.from)
    yield* Effect.addFinalizer(() => Effect.promise(() => store.close()))
    const session = { cookie: { originalMaxAge: null, expires: null }, count: 3, cart: "book" }
    yield* Effect.promise(() => new Promise((resolve) => store.set("an-id-of-express", session as any, resolve)))
    const signature = createHmac("sha256", "keyboard cat").update("an-id-of-express").digest("base64")
    const signed = `an-id-of-express.${signature.replace(/=+$/, "")}`
    const cookie = `connect.sid=${encodeURIComponent(`s:${signed}`)}`
    expect((yield* (yield* moving(places)).send(cookie, look)).body).toEqual([3, "book"])
    expect(yield* keys(places.from)).toEqual([])
  })
)

/** Requests of one browser at once, to two processes: none is signed out, and no change is lost. */
const atOnce = (places: Effect.Effect<Places>, count: number) =>
  Effect.gen(function* () {
    const both = yield* places
    const [one, two] = yield* Effect.all([moving(both), moving(both)])
    for (let round = 0; round < 3; round++) {
      const { cookie } = yield* visited(both)
      const answers = yield* Effect.all(
        Array.from({ length: count }, (_, i) => (i % 2 === 0 ? one : two).send(cookie, i % 4 < 2 ? increment : look)),
        { concurrency: "unbounded" }
      )
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
      // A browser's cookie is renewed with a write, and its id stays.
      expect(new Set(answers.flatMap(({ setCookie }) => setCookie.map((line) => line.split(";")[0])))).toEqual(
        new Set([cookie])
      )
      expect((yield* two.send(cookie, look)).body).toEqual([1 + count / 2, "book"])
      expect(Option.isNone(yield* both.from.read(idIn(cookie)))).toBe(true)
    }
  })

const built = <E>(layer: Layer.Layer<Tag, E>) => Effect.orDie(Effect.map(Layer.build(layer), Context.get(Tag)))

suite("from connect-redis to this library's Redis", ["redis-server"], () => {
  const server = shared(RedisServer.single())
  const places = shared(
    Effect.suspend(() =>
      Effect.flatMap(server, ({ url }) =>
        Effect.all({ from: built(Express.redis({ url })), to: built(Redis.layer({ url })) })
      )
    )
  )

  it.live("32 requests at once, to two processes, move a session once and lose nothing", () => atOnce(places, 32))

  it.live("a sign-out ends a session at both places", () =>
    Effect.gen(function* () {
      const both = yield* places
      const { cookie, key, record } = yield* visited(both)
      const now = yield* moving(both)
      yield* now.send(cookie, signOut)
      yield* overwrite(both, key, record)
      expect((yield* now.send(cookie, look)).body).toEqual(nobody)
      expect(yield* both.from.exists(key)).toBe(false)
    })
  )
})

describe("from files to SQLite", () => {
  const places = shared(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-moving-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    ).pipe(
      Effect.flatMap((folder) =>
        Effect.all({
          from: built(File.layer({ directory: join(folder, "sessions") })),
          to: built(Sqlite.layer({ filename: join(folder, "sessions.sqlite") }))
        })
      )
    )
  )

  it.live("16 requests at once, to two processes, move a session once and lose nothing", () => atOnce(places, 16))
})

suite("from connect-redis to PostgreSQL", ["redis-server", "postgres"], () => {
  const servers = shared(
    Effect.all({ redis: RedisServer.single(), postgres: PostgresServer.make() }, { concurrency: 2 })
  )
  const places = shared(
    Effect.suspend(() =>
      Effect.flatMap(servers, ({ postgres, redis }) =>
        Effect.all({ from: built(Express.redis({ url: redis.url })), to: built(Postgres.layer({ url: postgres.url })) })
      )
    )
  )

  it.live("16 requests at once, to two processes, move a session once and lose nothing", () => atOnce(places, 16))
})
