// A server with the app, requests over real HTTP, a browser's jar, and randomness that can be had again.
import { Agent, createServer, request as httpRequest } from "node:http"
import { type SessionConfig, SessionLayer, SessionManager } from "effect-session"
import * as Context from "#effect/Context"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServer from "#effect/http/HttpServer"
import * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { it } from "#test/vitest"
import { type Gate, type Gates, makeApp, makeGates, type Seen } from "./app.js"
import type { Kept } from "./backends.js"

export interface Answer {
  readonly status: number
  /** Of a 200. */
  readonly seen: Seen
  readonly setCookie: ReadonlyArray<string>
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
}

export interface Site {
  readonly url: string
  /** Sends a request with this Cookie header. */
  readonly send: (
    cookie: string,
    steps: string,
    headers?: Readonly<Record<string, string>>,
    path?: string
  ) => Effect.Effect<Answer>
  readonly gates: Gates
  readonly context: Context.Context<SessionManager.SessionManager>
}

const send = (agent: Agent, url: string, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(url, { agent, headers }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (text: string) => {
        body += text
      })
      response.on("error", reject)
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          seen: response.statusCode === 200 ? (JSON.parse(body) as Seen) : nothing,
          setCookie: response.headers["set-cookie"] ?? [],
          headers: response.headers
        })
      )
    })
    sent.on("error", reject)
    sent.end()
  })

const nothing: Seen = { isNew: [], users: [], carts: [], counts: [], ids: [], people: [], devices: [], failed: 0 }

/** Serves the app for as long as the scope is open. */
export const serve = (kept: Kept, options: SessionConfig.Options = {}): Effect.Effect<Site, never, Scope.Scope> =>
  Effect.gen(function* () {
    const gates = makeGates()
    const server = NodeHttpServer.layer(() => createServer({ keepAliveTimeout: 60_000 }), {
      port: 0,
      host: "127.0.0.1"
    })
    const session = SessionLayer.make(kept as Layer.Layer<any>, {
      ...options,
      cookie: options.cookie === false ? false : { secure: false, ...options.cookie }
    })
    const context = yield* Layer.build(
      Layer.provideMerge(HttpServer.serve(makeApp(gates)), Layer.merge(server, session))
    )
    const { address } = Context.get(context, HttpServer.HttpServer)
    const url = "port" in address ? `http://127.0.0.1:${address.port}` : ""
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Agent({ keepAlive: true, maxFreeSockets: 512 })),
      (agent) => Effect.sync(() => agent.destroy())
    )
    return {
      url,
      gates,
      context: Context.pick(SessionManager.SessionManager)(context),
      send: (cookie: string, steps: string, headers = {}, path = "/") =>
        Effect.promise(() => send(agent, `${url}${path}${steps}`, cookie === "" ? headers : { ...headers, cookie }))
    }
  }).pipe(Effect.orDie)

/** The cookies that an answer gives, as a Cookie header; empty if it gives none. */
export const given = ({ setCookie }: Pick<Answer, "setCookie">): string =>
  setCookie
    .filter((line) => !/; Max-Age=0(;|$)/.test(line))
    .map((line) => line.split(";")[0])
    .join("; ")

/** Sends a request when the gate is there, and waits until it has come to it. */
export const sendTo = (
  site: Site,
  cookie: string,
  gate: string,
  steps: string
): Effect.Effect<{ readonly gate: Gate; readonly answer: Effect.Effect<Answer> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const opened = yield* site.gates.add(gate)
    const answer = yield* Effect.forkScoped(site.send(cookie, steps))
    yield* Effect.raceFirst(
      Deferred.await(opened.arrived),
      Effect.andThen(Fiber.join(answer), Effect.die(new Error(`answered before it came to the gate ${gate}`)))
    )
    return { gate: opened, answer: Fiber.join(answer) }
  })

/** Numbers from 0 to below 1, the same ones for the same seed. */
export type Random = () => number

const mulberry = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A test with randomness, whose seed is told when it fails; `IDENTITY_SEED` runs it again with the same. */
export const randomly = (
  name: string,
  test: (random: Random) => Effect.Effect<unknown, never, Scope.Scope>,
  millis = 120_000
): void => {
  it.live(
    name,
    () => {
      const seed = Number(process.env["IDENTITY_SEED"] ?? Date.now() % 4_294_967_296)
      return Effect.onError(test(mulberry(seed)), () =>
        Effect.sync(() => console.error(`${name}: run it again with IDENTITY_SEED=${seed}`))
      )
    },
    millis
  )
}

/** A whole number from 0 to `most`. */
export const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1))

/** One of them. */
export const oneOf = <A>(random: Random, all: ReadonlyArray<A>): A => all[Math.floor(random() * all.length)]!

/** After as many milliseconds, or at once. */
export const after = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  millis === 0 ? effect : Effect.delay(effect, millis)

export const together = <A, E, R>(effects: Iterable<Effect.Effect<A, E, R>>) =>
  Effect.all(effects, { concurrency: "unbounded" })
