/**
 * Clients that hang up at every moment of a request: nothing of the request is left then, and what was being saved is saved once.
 */
import { SessionHttp, type SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import { counted, running } from "#test/fibers"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, serve } from "../support/http.js"
import { begin, bytesOf, eventually } from "../support/raw.js"
import { soak } from "../support/soak.js"

const sleep = (millis: number) => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, millis)))

/** Waits as a server would: each call takes five milliseconds. */
const waiting = (memory: SessionProvider.Provider): SessionProvider.Provider => {
  const late =
    <Args extends ReadonlyArray<any>, A, E>(call: (...args: Args) => Effect.Effect<A, E>) =>
    (...args: Args) =>
      Effect.andThen(sleep(5), call(...args))
  return {
    ...memory,
    capabilities: { ...memory.capabilities, inProcess: false },
    read: late(memory.read),
    create: late(memory.create),
    write: late(memory.write),
    touch: late(memory.touch),
    destroy: late(memory.destroy),
    regenerate: late(memory.regenerate)
  }
}

const megabyte = "x".repeat(2 ** 20)
const count = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/count",
    Effect.map(count, (n) => HttpServerResponse.text(String(n)))
  ),
  HttpRouter.get("/large", Effect.as(count, HttpServerResponse.text(megabyte))),
  HttpRouter.get(
    "/saved",
    Effect.andThen(
      count,
      Effect.flatMap(AppSession, (session) => Effect.as(session.save, HttpServerResponse.text("saved")))
    )
  ),
  HttpRouter.post(
    "/post",
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.andThen(request.text, Effect.as(count, HttpServerResponse.empty()))
    )
  ),
  HttpRouter.get(
    "/read",
    Effect.map(
      Effect.flatMap(AppSession, (session) => session.get("visits")),
      (n) => HttpServerResponse.text(String(n))
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const requests = [
  ["GET", "/count", ""],
  ["HEAD", "/count", ""],
  ["GET", "/saved", ""],
  ["GET", "/large", ""],
  ["POST", "/post", "a=1"],
  ["POST", "/post", megabyte]
] as const

/** How long after it was sent a request is hung up on, in milliseconds: before the read to after the save. */
const delays = [0, 1, 2, 4, 6, 8, 10, 12, 15, 25, 50]

/** What keeps the process busy: timers, sockets and so on. */
const resources = () =>
  process.getActiveResourcesInfo().filter((name) => !/TTY|Pipe|FSReq|MessagePort/.test(name)).length

describe.each([
  ["in process", (memory: SessionProvider.Provider) => memory],
  ["that waits", waiting]
] as const)("a backend %s", (_, make) => {
  it.live(
    "has nothing left of requests that were hung up on, and saved each of them once or not at all",
    () =>
      Effect.gen(function* () {
        const writes = new Map<string, number>()
        const memory = Memory.make()
        const provider = make({
          ...memory,
          write: (id, ...rest) =>
            Effect.tap(memory.write(id, ...rest), (result) =>
              Effect.sync(() => result._tag === "Written" && writes.set(id, (writes.get(id) ?? 0) + 1))
            )
        })
        const { as, send, url } = yield* serve(app, {}, provider)
        const hangUp = (i: number) =>
          Effect.gen(function* () {
            const [method, path, body] = requests[i % requests.length]!
            const first = yield* send("/count")
            expect([first.status, first.cookie === undefined]).toEqual([200, false])
            const cookie = first.cookie!
            const length = { "content-length": String(body.length) }
            const leave = yield* begin(url, bytesOf(method, path, { cookie, ...(body === "" ? {} : length) }, body))
            yield* sleep(delays[Math.floor(i / requests.length) % delays.length]!)
            yield* leave
            return cookie
          })
        const tryAll = (n: number) =>
          Effect.forEach(
            Array.from({ length: n }, (_, i) => i),
            hangUp,
            { concurrency: 20 }
          )

        yield* tryAll(requests.length * delays.length)
        yield* sleep(500)
        const [runningBefore, resourcesBefore] = [running(), resources()]
        writes.clear()
        const cookies = yield* tryAll(soak(330, 1_000))
        // A request may still be on its way to its save, on a busy machine.
        let written = -1
        while (written !== writes.size) {
          written = writes.size
          yield* sleep(500)
        }
        yield* eventually(() => running() <= runningBefore && resources() <= resourcesBefore)
        expect(running()).toBeLessThanOrEqual(runningBefore)
        expect(resources()).toBeLessThanOrEqual(resourcesBefore)

        const visits = yield* Effect.forEach(cookies, (cookie) =>
          Effect.map(as(cookie)("/read"), ({ body, status }) => (status === 200 ? body : `status ${status}`))
        )
        expect(visits.filter((n) => n !== "1" && n !== "2")).toEqual([])
        expect([...writes.values()].filter((n) => n !== 1)).toEqual([])
        expect(visits.filter((n) => n === "2").length).toBe(writes.size)
      }).pipe(counted),
    60_000
  )
})
