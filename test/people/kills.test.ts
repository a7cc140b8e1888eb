/**
 * A process is killed after each single call of its backend, in the middle of a sign-in, of a renewal, of a sign-out or
 * of the end of sessions. Afterwards, in another process, no client can use a session that is not in the list.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionManager, SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import { node } from "#test/bundling"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { registerOf } from "../../src/Manager/people/owner.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as RedisServer from "../servers/Redis.js"
import { bundle } from "../support/bundle.js"
import { Device, type Seen, type Shown, type Told, type Visit, visiting } from "./app.js"
import { type Asked, type BackendName, layerOf, optionsOf } from "./killed.js"
import { hour, minute } from "./model.js"

const run = (asked: Asked): Effect.Effect<Told | undefined> =>
  Effect.promise(async () => {
    const program = await bundle(new URL("killChild.ts", import.meta.url))
    const child = spawn(node, [program, JSON.stringify(asked)], { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.on("data", (bytes) => {
      text += bytes
    })
    const signal = await new Promise<NodeJS.Signals | null>((resolve) =>
      child.once("close", (_, signal) => resolve(signal))
    )
    expect([null, "SIGKILL"]).toContain(signal)
    return signal === "SIGKILL" ? undefined : (JSON.parse(text) as Told)
  })

/** What is there before the process that is killed, and what that one does. */
interface Scene {
  /** Cookies that clients have. */
  readonly tokens: ReadonlyArray<string>
  readonly path: string | undefined
  readonly token?: string | undefined
  readonly ahead?: number
  /** How often it takes until all is done that was asked for, if the sessions of a person are to end. */
  readonly ends?: ReadonlyArray<string>
}

interface Person {
  readonly user: string
  readonly visit: Visit
  /** Signs in on a browser of its own, and returns its cookie. */
  readonly device: Effect.Effect<string>
  /** Lets time pass for the requests that follow. */
  readonly pass: (millis: number) => void
}

const renewed = 11 * minute

const scenes: Readonly<Record<string, (person: Person) => Effect.Effect<Scene>>> = {
  "a sign-in without a session": ({ user }) => Effect.succeed({ tokens: [], path: `in?user=${user}` }),
  "a sign-in of a visitor": ({ user, visit }) =>
    Effect.map(visit("write"), ({ token }) => ({ tokens: [token!], token, path: `in?user=${user}` })),
  "a sign-in of the same person": ({ device, user }) =>
    Effect.map(device, (token) => ({ tokens: [token], token, path: `in?user=${user}` })),
  "a sign-in of somebody else": ({ device, user }) =>
    Effect.map(device, (token) => ({ tokens: [token], token, path: `in?user=${user}-other` })),
  "a sign-in that ends the oldest session": ({ device, user }) =>
    Effect.map(Effect.all([device, device, device]), (tokens) => ({ tokens, path: `in?user=${user}` })),
  "a renewal of the id by age": ({ device }) =>
    Effect.map(device, (token) => ({ tokens: [token], token, path: "look", ahead: renewed })),
  "a renewal of the id by age with a write": ({ device }) =>
    Effect.map(device, (token) => ({ tokens: [token], token, path: "write", ahead: renewed })),
  "a change of id for other rights": ({ device }) =>
    Effect.map(device, (token) => ({ tokens: [token], token, path: "renew" })),
  "a sign-out": ({ device }) => Effect.map(device, (token) => ({ tokens: [token], token, path: "out" })),
  "a sign-out with the id before": ({ device, pass, visit }) =>
    Effect.gen(function* () {
      const old = yield* device
      pass(renewed)
      const { token } = yield* visit("look", old)
      expect(token).toBeDefined()
      return { tokens: [old, token!], token: old, path: "out", ahead: renewed }
    }),
  "the end of all": ({ device }) =>
    Effect.map(Effect.all([device, device, device]), (tokens) => ({ tokens, path: undefined, ends: tokens })),
  "the end of the others": ({ device }) =>
    Effect.map(Effect.all([device, device, device]), (tokens) => ({
      tokens,
      token: tokens[2],
      path: "others",
      ends: tokens.slice(0, 2)
    }))
}

const cap = 3

const refsOf = (user: string) =>
  Effect.map(SessionManager.sessionsOf(Device, user), (sessions) => sessions.map(({ ref }) => ref))

/** How many sessions of a person are stored, whoever can use them. */
const stored = (user: string) =>
  Effect.flatMap(SessionProvider.SessionProvider, ({ list, read }) =>
    list!.pipe(
      Stream.mapEffect(read),
      Stream.filter((found) => Option.isSome(found) && Buffer.from(found.value.payload).includes(registerOf(user))),
      Stream.runCount
    )
  )

let people = 0

/** `endsFirst`: all of the person's sessions are ended before any client comes back. */
const playOn = (
  backend: BackendName,
  url: string,
  begin: (typeof scenes)[string],
  killedAfter: number,
  endsFirst: boolean
) => {
  let ahead = 0
  const user = `person-${people++}`
  return Effect.gen(function* () {
    const visit = yield* visiting
    /** All cookies that clients have or had. */
    const tokens = new Set<string>()
    const seen = (token: string): Effect.Effect<Seen> =>
      Effect.map(visit("look", token), ({ body, token: next }) => {
        if (next !== undefined) tokens.add(next)
        return JSON.parse(body)
      })
    const scene = yield* begin({
      user,
      visit,
      device: Effect.map(visit(`in?user=${user}`), ({ token }) => token!),
      pass: (millis) => {
        ahead += millis
      }
    })
    ahead = scene.ahead ?? 0
    const { path, token } = scene
    const told = yield* run({ backend, url, path, token, user, ahead, cap, killedAfter })
    for (const token of [...scene.tokens, told?.token]) {
      if (token !== undefined && token !== "forget") tokens.add(token)
    }
    if (scene.ends !== undefined && told === undefined) {
      // Once more, in another process: it ends the rest.
      yield* path === undefined ? SessionManager.endAll(user) : visit(path, token)
    }
    for (const ended of scene.ends ?? []) {
      expect(yield* seen(ended)).toEqual({ user: undefined, count: 0 })
    }
    const everybody = [user, `${user}-other`]
    if (endsFirst) {
      yield* Effect.forEach(everybody, SessionManager.endAll)
      for (const token of scene.tokens) {
        expect((yield* seen(token)).user).toBeUndefined()
      }
    }
    /** What clients can use is in the list, before they use it. */
    const checkListed = Effect.gen(function* () {
      const shown = yield* Effect.forEach(everybody, refsOf)
      expect(shown[0]!.length).toBeLessThanOrEqual(cap)
      for (const token of tokens) {
        const i = everybody.indexOf((yield* seen(token)).user!)
        if (i >= 0) {
          const list: ReadonlyArray<Shown> = JSON.parse((yield* visit(`list?user=${everybody[i]}`, token)).body)
          expect(shown[i]).toContain(list.find(({ isCurrent }) => isCurrent)?.ref)
        }
      }
    })
    yield* checkListed
    // When nothing is left of the ids before, the list has to know the ones that there are.
    ahead += 2 * hour
    yield* checkListed
    const again = yield* visit(`in?user=${user}`, token)
    expect((yield* seen(again.token!)).user).toBe(user)
    for (const one of everybody) {
      yield* SessionManager.endAll(one)
      expect(yield* refsOf(one)).toEqual([])
    }
    for (const token of tokens.add(again.token!)) {
      expect((yield* seen(token)).user).toBeUndefined()
    }
    // One may be left that no client can name, and that expires by itself.
    const left = yield* Effect.forEach(everybody, stored)
    expect(left[0]! + left[1]!).toBeLessThanOrEqual(told === undefined ? 1 : 0)
    return told !== undefined
  }).pipe(
    Effect.provide(Layer.provideMerge(SessionManager.layer(optionsOf(cap)), layerOf(backend, url))),
    at(() => Date.now() + ahead)
  )
}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-kills-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const on = (backend: BackendName, needs: ReadonlyArray<string>, start: Effect.Effect<string, never, Scope.Scope>) =>
  suite(backend, needs, () => {
    const started = shared(start)
    const cases = Object.entries(scenes).flatMap(([name, begin]) => [
      { name, begin, endsFirst: false },
      ...(name.includes("id") ? [{ name: `${name}, then all is ended`, begin, endsFirst: true }] : [])
    ])
    for (const { begin, endsFirst, name } of cases) {
      it.live(
        `killed after each call of ${name}`,
        () =>
          Effect.flatMap(started, (url) =>
            Effect.promise(async () => {
              let calls = 0
              while (!(await Effect.runPromise(playOn(backend, url, begin, calls + 1, endsFirst)))) calls++
              expect(calls).toBeGreaterThan(0)
              expect(calls).toBeLessThan(40)
            })
          ),
        120_000
      )
    }
  })

on(
  "file",
  [],
  Effect.map(folder, (folder) => join(folder, "sessions"))
)
on(
  "sqlite",
  [],
  Effect.map(folder, (folder) => join(folder, "sessions.sqlite"))
)
on(
  "redis",
  ["redis-server"],
  Effect.map(RedisServer.single(), ({ url }) => url)
)
