// Sessions that are copied or moved from one backend to another, and the app that finds them there.
import { readFileSync, writeFileSync } from "node:fs"
import { SessionConfig, SessionLayer, SessionManager, SessionProvider } from "effect-session"
import * as File from "effect-session/file"
import * as Sqlite from "effect-session/sqlite"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import { describe, expect, it } from "#test/vitest"
import { atBoth } from "../../src/Manager/moving/ownLayout.js"
import { options, visiting } from "../people/app.js"
import { onBackends } from "./backends.js"
import { app, copy, file, inFiles, inSqlite } from "./copying.js"
import { type Ran, run, type Variables } from "./run.js"

const cluster = ["redisCluster"]
const unlisted = ["memcached", "couchbase"]

const backendOnly = ({ SESSION_COOKIE_SECURE: _, ...variables }: Variables): Variables => variables

onBackends((variables, name) => {
  it.live("sessions are copied here, and from here, and their users notice nothing", () =>
    Effect.gen(function* () {
      const [before, here, after] = [yield* inSqlite, backendOnly(yield* variables), yield* inFiles]
      const first = yield* app(before)
      const visitor = yield* first.visit("write")
      const ada = yield* first.visit("in?user=ada&remember=true")
      yield* first.visit("write", ada.token)
      yield* first.visit("in?user=ada")
      const shown = (yield* first.visit("list?user=ada")).body

      const there = yield* copy(before, here)
      if (cluster.includes(name)) {
        expect(there).toMatchObject({ code: 2, out: "" })
        expect(there.err).toMatch(/name sessions differently/)
        return
      }
      expect(there).toEqual({
        code: 0,
        err: "",
        out: `Copied 3 sessions from sqlite to ${name}, and the lists of 1 person.\n`
      })
      const isAsBefore = (variables: Variables) =>
        Effect.gen(function* () {
          const { visit, within } = yield* app(variables)
          expect(JSON.parse((yield* visit("look", visitor.token)).body)).toEqual({ count: 1 })
          expect(JSON.parse((yield* visit("look", ada.token)).body)).toEqual({ user: "ada", count: 1 })
          expect((yield* visit("list?user=ada")).body).toBe(shown)
          return within
        }).pipe(Effect.scoped)
      yield* isAsBefore(here)
      // It is still where it was.
      yield* isAsBefore(before)

      const back = yield* copy(here, after)
      if (unlisted.includes(name)) {
        expect(back).toMatchObject({ code: 1, out: "" })
        expect(back.err).toMatch(/cannot list its sessions: let them move as they are used, with SessionLayer\.moving/)
        return
      }
      expect(back).toMatchObject({ code: 0, err: "" })
      yield* isAsBefore(after)
      const { within } = yield* app(after)
      yield* within(SessionManager.endAll("ada"))
      expect(yield* within(SessionManager.count)).toBe(1)
    })
  )
})

describe("a copy", () => {
  it.live("can be tried, interrupted and made again", () =>
    Effect.gen(function* () {
      const [before, after] = [yield* inSqlite, yield* inFiles]
      const { visit } = yield* app(before)
      yield* Effect.forEach(["write", "in?user=ada", "in?user=bob"], (path) => visit(path))
      const said = { code: 0, err: "" }
      expect(yield* copy(before, after, "--dry-run")).toEqual({
        ...said,
        out: "Would copy 3 sessions from sqlite to file, and the lists of 2 people.\n"
      })
      expect(yield* (yield* app(after)).within(SessionManager.count)).toBe(0)
      expect((yield* copy(before, after)).out).toMatch(/^Copied 3 sessions/)
      yield* visit("write")
      expect(yield* copy(before, after)).toEqual({
        ...said,
        out: "Copied 1 session from sqlite to file, and the lists of 2 people. 3 were there already.\n"
      })
      expect(yield* (yield* app(after)).within(SessionManager.count)).toBe(4)
    })
  )

  it.live("reads files as other programs write them", () =>
    Effect.gen(function* () {
      const [from, to] = yield* Effect.all([Effect.flatMap(inFiles, file), Effect.flatMap(inSqlite, file)])
      const text = readFileSync(to, "utf8")
      for (const written of [`\uFEFF${text}`.replace("# Where sessions are\n", ""), text.replaceAll("\n", "\r\n")]) {
        writeFileSync(to, written)
        expect(yield* run({}, "copy", "--from", from, "--to", to)).toMatchObject({ code: 0, err: "" })
      }
    })
  )

  it.live("says that the app still writes at the old place", () =>
    Effect.gen(function* () {
      const [before, after] = [yield* inFiles, yield* inSqlite]
      const { visit } = yield* app(before)
      const tokens = yield* Effect.forEach(Array.from({ length: 40 }), () =>
        Effect.map(visit("write"), ({ token }) => token!)
      )
      const writes = yield* Effect.forkChild(
        Effect.forever(Effect.forEach(tokens, (token) => visit("write", token), { concurrency: 4 }))
      )
      const { code, err, out } = yield* copy(before, after)
      yield* Fiber.interrupt(writes)
      expect([code, out]).toEqual([1, expect.stringMatching(/^Copied 40 sessions/)])
      expect(err).toMatch(/^effect-session: copy: \d+ sessions changed or ended at file after .*--move\n$/)
    })
  )

  it.live("says what has changed since a copy that was made before", () =>
    Effect.gen(function* () {
      const [before, after] = [yield* inFiles, yield* inSqlite]
      const { visit } = yield* app(before)
      const { token } = yield* visit("write")
      yield* visit("write")
      expect(yield* copy(before, after)).toMatchObject({ code: 0 })
      yield* visit("write", token)
      const { code, err, out } = yield* copy(before, after)
      expect([code, out]).toEqual([
        1,
        "Copied 0 sessions from file to sqlite, and the lists of 0 people. 1 were there already.\n"
      ])
      expect(err).toMatch(/^effect-session: copy: 1 session at sqlite already, with other content than at file/)
    })
  )

  it.live("brings back nothing that has ended at the new place", () =>
    Effect.gen(function* () {
      const [before, after] = [yield* inFiles, yield* inSqlite]
      const { token } = yield* (yield* app(before)).visit("in?user=ada")
      expect(yield* copy(before, after)).toMatchObject({ code: 0 })
      const { visit } = yield* app(after)
      yield* visit("out", token)
      expect(yield* copy(before, after)).toMatchObject({
        out: expect.stringMatching(/^Copied 0 sessions .* 1 have ended there\.\n$/)
      })
      expect(JSON.parse((yield* visit("look", token)).body).user).toBeUndefined()
    })
  )

  it.live("takes the lists of people whose sessions have moved, and what a process has left on its way", () =>
    Effect.gen(function* () {
      const [before, after] = [yield* inFiles, yield* inSqlite]
      const from = File.layer({ directory: before.SESSION_URL })
      const to = Sqlite.layer({ filename: after.SESSION_URL })
      const ada = yield* (yield* app(before)).visit("in?user=ada")
      const bob = yield* (yield* app(before)).visit("in?user=bob")
      yield* Effect.gen(function* () {
        const visit = yield* Effect.provide(visiting, yield* Layer.build(SessionLayer.moving({ from, to }, options)))
        yield* visit("look", ada.token)
      }).pipe(Effect.scoped)
      // The process that moves bob's session stops after it has left, and before it is in use.
      yield* Effect.gen(function* () {
        const [old, next] = yield* Effect.all([
          Effect.map(Layer.build(from), (context) => Context.get(context, SessionProvider.SessionProvider)),
          Effect.map(Layer.build(to), (context) => Context.get(context, SessionProvider.SessionProvider))
        ])
        const stopping = { ...next, write: () => Effect.interrupt }
        const ids = yield* Stream.runCollect(old.list!)
        const config = yield* SessionConfig.make(options)
        yield* Effect.forEach([...ids], (id) => Effect.exit(atBoth(old, stopping, config).read(id)))
        yield* Effect.forEach([...ids], (id) => old.destroy(id))
      }).pipe(Effect.scoped)

      expect(yield* copy(before, after, "--move")).toMatchObject({ code: 0, err: "" })
      const { visit, within } = yield* app(after)
      for (const [user, token] of [
        ["ada", ada.token],
        ["bob", bob.token]
      ] as const) {
        expect(JSON.parse((yield* visit("look", token)).body).user).toBe(user)
        expect(yield* within(SessionManager.sessionsOf(user))).toHaveLength(1)
        yield* within(SessionManager.endAll(user))
        expect(JSON.parse((yield* visit("look", token)).body).user).toBeUndefined()
      }
    })
  )

  it.live("says whose lists it could not complete", () =>
    Effect.gen(function* () {
      const [before, after] = [yield* inFiles, yield* inSqlite]
      yield* (yield* app(before)).visit("in?user=ada")
      yield* (yield* app(after)).visit("in?user=ada")
      const { code, err } = yield* copy(before, after)
      expect(code).toBe(1)
      expect(err).toMatch(/1 person signed in at sqlite already: .*endAll would not end them/)
    })
  )

  it.live("refuses what it could not do well, and shows no value", () =>
    Effect.gen(function* () {
      const [files, sqlite] = [yield* inFiles, yield* inSqlite]
      const cases: ReadonlyArray<readonly [Effect.Effect<Ran, never, Scope.Scope>, number, RegExp]> = [
        [copy(files, files), 2, /keeps sessions in the same place as `from`/],
        [
          copy({ ...files, SESSION_APP: "shop" }, sqlite),
          2,
          /--from: SESSION_APP: expected the variables of a backend alone/
        ],
        [
          copy({ ...files, SESSION_KEY_PREFX: "a" }, sqlite),
          2,
          /--from: SESSION_KEY_PREFX: .*did you mean SESSION_KEY_PREFIX\?/
        ],
        [
          copy(files, { SESSION_URL: "redis://:hunter2@127.0.0.1:1" }),
          2,
          /copy: --to: SESSION_PROVIDER: it is not set/
        ],
        [copy(files, { SESSION_PROVIDER: "redis", SESSION_URL: "redis://:hunter2@127.0.0.1:1" }), 1, /ECONNREFUSED/],
        [copy({ SESSION_PROVIDER: "cookie", SESSION_KEYS: "hunter2".repeat(9) }, files), 2, /keys/],
        [
          run({}, "copy", "--from", "/nowhere/a.env", "--to", "/nowhere/b.env"),
          2,
          /--from: the file cannot be read \(ENOENT\)/
        ]
      ]
      for (const [ran, code, says] of cases) {
        const { code: found, err, out } = yield* ran
        expect([found, out]).toEqual([code, ""])
        expect(err).toMatch(says)
        expect(err).not.toContain("hunter2")
      }
    })
  )
})
