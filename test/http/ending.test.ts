/**
 * An app that ends while a request is under way: the backend closes after it, in whatever order layers were provided.
 */
import { Agent, createServer, get } from "node:http"
import type { AddressInfo } from "node:net"
import { SessionError, SessionHttp, SessionLayer, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import * as HttpRouter from "#test/HttpRouter"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { expect, it } from "#test/vitest"
import { UnderWay } from "../../src/Manager/underWay.js"
import { AppSession } from "../support/http.js"
import { machineTimed } from "../support/machineTime.js"

const app = (arrived: Deferred.Deferred<void>) =>
  HttpRouter.empty.pipe(
    HttpRouter.post(
      "/buy",
      Effect.gen(function* () {
        const session = yield* AppSession
        yield* Deferred.succeed(arrived, undefined)
        yield* Effect.sleep("200 millis")
        yield* session.set("userId", "ada")
        return HttpServerResponse.text("bought")
      })
    ),
    HttpRouter.get(
      "/stream",
      Effect.as(
        Effect.andThen(AppSession, Deferred.succeed(arrived, undefined)),
        HttpServerResponse.stream(
          Stream.encodeText(Stream.mapEffect(Stream.range(1, 4), (n) => Effect.as(Effect.sleep("60 millis"), `${n}`)))
        )
      )
    ),
    HttpRouter.use(SessionHttp.middleware(AppSession))
  )

/** A backend that fails once it is closed, and the number of sessions in it by then. */
const closing = () => {
  const state = { isClosed: false, sessions: 0 }
  const provider = Layer.effect(
    SessionProvider.SessionProvider,
    Effect.acquireRelease(
      Effect.sync((): SessionProvider.Provider => {
        const memory = Memory.make()
        return {
          ...memory,
          create: (...args) =>
            Effect.suspend(() =>
              state.isClosed
                ? Effect.fail(new SessionError({ reason: "Unavailable", message: "closed" }))
                : Effect.tap(memory.create(...args), () => Effect.sync(() => void state.sessions++))
            )
        }
      }),
      () =>
        Effect.sync(() => {
          state.isClosed = true
        })
    )
  )
  return { provider, state }
}

const started = (isOutside: boolean) =>
  Effect.gen(function* () {
    const { provider, state } = closing()
    const server = createServer()
    const node = NodeHttpServer.layer(() => server, { host: "127.0.0.1", port: 0 })
    const sessions = SessionLayer.make(provider, { timeout: "1 second" })
    const arrived = yield* Deferred.make<void>()
    const live = isOutside
      ? HttpServer.serve(app(arrived)).pipe(Layer.provide(node), Layer.provide(sessions))
      : HttpServer.serve(app(arrived)).pipe(Layer.provide(sessions), Layer.provide(node))
    const scope = yield* Scope.make()
    yield* Layer.buildWithScope(live, scope)
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method: "POST" })
    return { arrived: Deferred.await(arrived), ask, end: Scope.close(scope, Exit.void), server, state }
  })

it.live.each([true, false])(
  "it is answered and saved, and its connection ends (sessions around the server: %s)",
  (isOutside) =>
    Effect.gen(function* () {
      const { arrived, ask, end, state } = yield* started(isOutside)
      const asking = ask("/buy")
      yield* arrived
      yield* end
      const answer = yield* Effect.promise(() => asking)
      expect([answer.status, answer.headers.get("connection"), state.sessions]).toEqual([200, "close", 1])
      expect(state.isClosed).toBe(true)
    })
)

it.live("a request that does not end is not waited for longer than that", () =>
  Effect.gen(function* () {
    const underWay = new UnderWay()
    underWay.begin()
    underWay.begin()
    underWay.end()
    const [time] = yield* machineTimed(underWay.over(100))
    expect(time).toBeGreaterThan(30)
    underWay.end()
    const [none] = yield* machineTimed(underWay.over(60_000))
    expect(none).toBeLessThan(10_000)
  })
)

it.live("a stream whose headers have left comes to its end, and so does its connection", () =>
  Effect.gen(function* () {
    const { arrived, end, server } = yield* started(true)
    const agent = new Agent({ keepAlive: true })
    const streamed = new Promise<string>((resolve, reject) => {
      const { port } = server.address() as AddressInfo
      let body = ""
      const asked = get({ agent, host: "127.0.0.1", port, path: "/stream" }, (response) => {
        response.setEncoding("utf8").on("data", (text) => {
          body += text
        })
      })
      asked.once("socket", (socket) => socket.once("close", () => resolve(body)))
      asked.once("error", reject)
    })
    yield* arrived
    yield* end
    const [time, body] = yield* machineTimed(Effect.promise(() => streamed))
    expect(body).toBe("1234")
    // Node would close an idle connection after five seconds.
    expect(time).toBeLessThan(2_000)
  })
)

/** A server that ends, and whose answers take so long. */
const ending = (duration: Duration.Input, millis: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        SessionHttp.endsWithin(
          createServer((_, response) => setTimeout(() => response.end("answer"), millis)),
          duration
        )
      ),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => {
      const listen = Effect.promise(async () => {
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        return { answer: fetch(url).then((response) => response.text()) }
      })
      return { server, listen }
    }
  )

it.live("a server that may take for ever to end answers the requests under way", () =>
  Effect.gen(function* () {
    const { listen, server } = yield* ending(Duration.infinity, 100)
    const { answer } = yield* listen
    yield* Effect.promise(() => new Promise((resolve) => server.once("request", resolve)))
    server.close()
    expect(yield* Effect.promise(() => answer)).toBe("answer")
  }).pipe(Effect.scoped)
)

it.live("a server that was closed and listens again keeps the connections of then", () =>
  Effect.gen(function* () {
    const { listen, server } = yield* ending("150 millis", 10)
    yield* Effect.flatMap(listen, ({ answer }) => Effect.promise(() => answer))
    yield* Effect.promise(() => new Promise((resolve) => server.close(resolve)))
    server.removeAllListeners("request").on("request", (_, response) => setTimeout(() => response.end("late"), 300))
    const { answer } = yield* listen
    expect(yield* Effect.promise(() => answer)).toBe("late")
  }).pipe(Effect.scoped)
)

it.live("a request that is on its way as the server closes is answered, and an idle connection does not keep it", () =>
  Effect.gen(function* () {
    const server = SessionHttp.endsWithin(createServer(), "5 seconds")
    server.on("request", (_, response) => response.end("ok"))
    yield* Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)))
    const { port } = server.address() as AddressInfo
    const agent = new Agent({ keepAlive: true })
    const ask = (sent: () => void) =>
      Effect.promise(
        () =>
          new Promise<string | undefined>((resolve) => {
            const asked = get({ agent, host: "127.0.0.1", port }, (response) => {
              response.resume().once("end", () => resolve(response.headers.connection))
            })
            asked.once("finish", sent)
            asked.once("error", (error) => resolve(error.message))
          })
      )
    yield* Effect.all([ask(() => {}), ask(() => {})], { concurrency: 2 })
    yield* Effect.sleep("20 millis")
    let closed: Promise<void> | undefined
    const close = () => {
      closed = new Promise((resolve) => server.close(() => resolve()))
    }
    expect(yield* ask(close)).toBe("close")
    const [time] = yield* machineTimed(Effect.promise(() => closed!))
    expect(time).toBeLessThan(2_000)
  })
)
