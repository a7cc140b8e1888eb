/**
 * Sealed sessions in real backends: what each of them has, read with a client of its own, shows nothing, and no row that
 * somebody else wrote is a session.
 */
import { hash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type SessionConfig, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import * as Redis from "effect-session/redis"
import { Redis as Client } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import { expect, it } from "#test/vitest"
import { registerOf } from "../../src/Manager/people/owner.js"
import type { Revision, StoredId } from "../../src/Provider/Provider.js"
import type { ProviderLayer } from "../identity/backends.js"
import { type Browser, over, principal, signIn, site } from "../people/site.js"
import { shared } from "../provider/shared.js"
import { type Database, execute, postgres, sqlite } from "../provider/sqlDatabases.js"
import { suiteBeside } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"
import { key } from "../support/cookies.js"

interface Backend {
  readonly layer: ProviderLayer
  /** Everything that it has, read without the library. */
  readonly dump: Effect.Effect<Buffer>
}

const onDatabase = (database: Database): Backend => ({
  layer: database.layer(),
  dump: Effect.map(
    execute(
      database,
      "SELECT id, payload FROM effect_session",
      "SELECT id, payload FROM effect_session UNION ALL SELECT id, payload FROM effect_session_principals"
    ),
    (rows) => Buffer.concat(rows.flatMap(({ id, payload }) => [id as Uint8Array, payload as Uint8Array]))
  )
})

/** The names and contents of all files. */
const filesIn = (directory: string): Buffer =>
  Buffer.concat(
    readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) =>
      entry.isFile()
        ? Buffer.concat([Buffer.from(entry.name), readFileSync(join(entry.parentPath, entry.name))])
        : Buffer.from(entry.name)
    )
  )

const onFiles = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-rest-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  (directory): Backend => ({
    layer: File.layer({ directory }),
    // Again if a file that was being written has gone meanwhile.
    dump: Effect.suspend(() => Effect.try({ try: () => filesIn(directory), catch: (error) => error as Error })).pipe(
      Effect.retry({ times: 20 }),
      Effect.orDie
    )
  })
)

const onRedis = ({ url }: { readonly url: string }): Backend => ({
  layer: Redis.layer({ url }),
  dump: Effect.promise(async () => {
    const client = new Client(url)
    const names = await client.keys("*")
    const values = await Promise.all(names.map((name) => client.getBuffer(name)))
    client.disconnect()
    return Buffer.concat([Buffer.from(names.join()), ...values.map((value) => value!)])
  })
})

/** Memory has no client but its own. */
const onMemory = Effect.sync((): Backend => {
  const written: Array<Uint8Array> = []
  const note = (payload: Uint8Array): void => {
    written.push(payload)
  }
  const memory = Memory.make()
  return {
    layer: Layer.succeed(SessionProvider.SessionProvider, {
      ...memory,
      create: (id, payload, ...rest) => {
        note(payload)
        return memory.create(id, payload, ...rest)
      },
      write: (id, payload, ...rest) => {
        note(payload)
        return memory.write(id, payload, ...rest)
      },
      regenerate: (move) => {
        note(move.payload)
        note(move.mark?.content ?? new Uint8Array())
        return memory.regenerate(move)
      }
    }),
    dump: Effect.sync(() => Buffer.concat(written))
  }
})

const backends: Readonly<
  Record<string, readonly [needs: ReadonlyArray<string>, start: Effect.Effect<Backend, never, Scope.Scope>]>
> = {
  memory: [[], onMemory],
  file: [[], onFiles],
  sqlite: [[], Effect.map(sqlite, onDatabase)],
  redis: [["redis-server"], Effect.map(RedisServer.single(), onRedis)],
  postgres: [["postgres"], Effect.map(PostgresServer.make(), ({ url }) => onDatabase(postgres(url)))]
}

const secret = "4929 1234 5678 9012"
const ttl = Duration.minutes(20)
const refOf = ({ cookie }: Browser) => hash("sha256", cookie!.split("=")[1]!, "base64url") as StoredId

const forms = {
  "with keys": { atRest: { keys: [key()] } },
  "with ids": { atRest: "id" },
  "with keys, compressed": { atRest: { keys: [key()] }, compress: { over: 10 } }
} as const satisfies Readonly<Record<string, SessionConfig.Options>>

for (const [name, [needs, start]] of Object.entries(backends)) {
  suiteBeside(name, needs, () => {
    const backend = shared(start, 60_000)

    /** The provider, and a site on it for each of the options. */
    const sites = (...each: ReadonlyArray<SessionConfig.Options>) =>
      Effect.gen(function* () {
        const { dump, layer } = yield* backend
        const context = yield* Layer.build(Layer.fresh(layer))
        const provider = yield* Effect.provide(SessionProvider.SessionProvider, context)
        return { dump, provider, sites: yield* Effect.forEach(each, (options) => site({}, over(provider, options))) }
      })

    // Before any other test stores what is not sealed. Lists are sealed with keys only, so that ids come last.
    it.live("shows nothing that is sealed", () =>
      Effect.gen(function* () {
        for (const form of ["with keys", "with keys, compressed", "with ids"] as const) {
          yield* sealedIn(form)
        }
      })
    )

    const sealedIn = (form: keyof typeof forms) =>
      Effect.gen(function* () {
        const {
          dump,
          sites: [shop]
        } = yield* sites({ ...forms[form], id: { renewEvery: "1 second", grace: "900 millis" } })
        const ada = shop!.browser()
        const cookies: Array<string> = []
        const go = (handler: Parameters<Browser["go"]>[0]) =>
          Effect.andThen(
            ada.go(handler),
            Effect.sync(() => cookies.push(ada.cookie!))
          )
        yield* go((session) => session.set("cart", `${secret} `.repeat(20)))
        yield* go(signIn(`ada@example.org ${form}`))
        yield* go((session) => session.regenerate)
        yield* Effect.sleep(1_100)
        // Renewed by age: the old id leads to the new one.
        yield* go((session) => session.update("count", (n) => n + 1))
        const all = yield* dump
        expect(all.length).toBeGreaterThan(100)
        // The secret's first half, with its space: four digits alone are in an id or a hash now and then.
        const hidden = [
          "4929 1234",
          "Shop.",
          '"cart"',
          "ada@example",
          ...cookies.map((cookie) => cookie.split("=")[1]!)
        ]
        const listed = form === "with ids" ? [] : ["swept", '"v":']
        expect([...hidden, ...listed].filter((text) => all.includes(text))).toEqual([])
        expect(all.includes(0xc1)).toBe(true)
        expect((yield* ada.go((session) => session.get("cart"))).body).toMatchObject({
          value: `${secret} `.repeat(20)
        })
      })

    for (const [form, options] of Object.entries(forms)) {
      it.live(`takes no row that somebody else wrote for a session, sealed ${form}`, () =>
        Effect.gen(function* () {
          // Each form has people of its own: a list that another has sealed does not open.
          const who = { ada: `ada ${form}`, eve: `eve ${form}` }
          const named = { ...options, app: "shop" }
          const {
            provider,
            sites: [shop, other, plain]
          } = yield* sites(named, { ...options, app: "other" }, {})
          const read = (ref: StoredId) => Effect.map(provider.read(ref), Option.getOrThrow)
          const signedIn = ({ browser }: typeof shop & {}, who: string) =>
            Effect.gen(function* () {
              const own = browser()
              yield* own.go((session) => session.set("cart", who.repeat(9)))
              yield* own.go(signIn(who))
              return own
            })
          const appRef = (app: string, { cookie }: Browser) =>
            hash("sha256", `${app} ${cookie!.split("=")[1]!}`, "base64url") as StoredId
          const [ada, eve] = [yield* signedIn(shop!, who.ada), yield* signedIn(shop!, who.eve)]
          const stranger = yield* signedIn(other!, who.ada)
          const unsealed = yield* signedIn(plain!, who.ada)
          const [adas, eves] = [appRef("shop", ada), appRef("shop", eve)]
          const own = (yield* read(eves)).payload
          const victims = (yield* read(adas)).payload
          const flipped = Buffer.from(own)
          flipped[flipped.length - 1]! ^= 1
          const put = (payload: Uint8Array) =>
            Effect.flatMap(read(eves), ({ revision }) =>
              Effect.map(provider.write(eves, payload, ttl, revision as Revision), ({ _tag }) =>
                expect(_tag).toBe("Written")
              )
            )
          const record = yield* Effect.map(provider.principals!.read(registerOf(who.ada, "shop")), Option.getOrThrow)
          for (const payload of [
            victims,
            (yield* read(appRef("other", stranger))).payload,
            (yield* read(refOf(unsealed))).payload,
            record.payload,
            flipped,
            own.subarray(0, own.length / 2),
            own.subarray(0, 5),
            Buffer.from([0xc1]),
            Buffer.from('{"v":2,"t":9999999999999,"d":{"Shop.cart":"forged"}}'),
            Buffer.alloc(300, 0xc1),
            new Uint8Array()
          ]) {
            yield* put(payload)
            const { body, setCookie, status } = yield* eve.lose((session) =>
              Effect.all([principal(session), session.get("cart")])
            )
            expect([status, setCookie, body[0], body[1]._tag]).toEqual([200, [], null, "None"])
          }
          // A row of its own is a session again, and the others were never touched.
          yield* put(own)
          expect((yield* eve.lose(principal)).body).toBe(who.eve)
          expect((yield* ada.go(principal)).body).toBe(who.ada)
          // What was copied to another app's name opens there neither.
          const copied = appRef("other", eve)
          yield* provider.create(copied, own, ttl)
          expect((yield* other!.send(eve.cookie, principal)).body).toBe(null)
        })
      )
    }

    it.live("a mark that somebody else wrote leads no request to another's session", () =>
      Effect.gen(function* () {
        const each = Object.entries<SessionConfig.Options>({ ...forms, unsealed: {} })
        const attack = Effect.fnUntraced(function* ([form, options]: (typeof each)[number]) {
          const {
            provider,
            sites: [shop]
          } = yield* sites({ ...options, id: { renewEvery: "1 second", grace: "900 millis" } })
          const [ada, eve] = [shop!.browser(), shop!.browser()]
          yield* ada.go(signIn(`marked ${form}`))
          yield* eve.go((session) => session.set("cart", "eve"))
          const old = refOf(eve)
          yield* Effect.sleep(1_100)
          // The way from eve's old id, with the name of ada's session in it.
          yield* eve.lose((session) => session.get("cart"))
          const way = Buffer.from(Option.getOrElse(yield* provider.marked!(old), () => new Uint8Array()))
          const forged = Buffer.concat([way.subarray(0, 10), Buffer.from(refOf(ada)), way.subarray(53)])
          const planted = shop!.browser()
          yield* planted.go((session) => session.set("cart", "eve"))
          yield* provider.destroy(refOf(planted), { content: forged, ttl })
          expect((yield* planted.lose(principal)).body).toBe(null)
          yield* provider.destroy(old, { content: forged, ttl })
          expect((yield* eve.lose(principal)).body).toBe(null)
        })
        yield* Effect.forEach(each, attack, { concurrency: "unbounded" })
      })
    )
  })
}
