/**
 * Processes whose clocks differ: whoever goes on using a session stays signed in.
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SessionHttp } from "effect-session"
import * as Redis from "effect-session/redis"
import { signIn } from "effect-session/testing"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import { AppSession, managerLayer } from "../support/http.js"

/** A clock that is ahead of the machine's. */
const ahead = (by: Duration.DurationInput): Clock.Clock => {
  const machine = Clock.make()
  const millis = () => machine.unsafeCurrentTimeMillis() + Duration.toMillis(by)
  return Object.assign(Object.create(machine), {
    unsafeCurrentTimeMillis: millis,
    currentTimeMillis: Effect.sync(millis)
  })
}

const me = SessionHttp.middleware(AppSession)(
  Effect.flatMap(AppSession, (session) =>
    Effect.map(session.get("userId"), (user) => HttpServerResponse.text(Option.getOrElse(user, () => "anonymous")))
  )
)

suite("Redis, and two processes", ["redis-server"], () => {
  const server = shared(Servers.single())

  for (const [what, byWriter, byReader] of [
    ["the writer's clock two hours ahead", "2 hours", 0],
    ["the reader's clock two hours ahead", 0, "2 hours"]
  ] as const) {
    it.scopedLive(what, () =>
      Effect.gen(function* () {
        const { url } = yield* server
        const process = (by: Duration.DurationInput) =>
          Effect.flatMap(Redis.make({ url }), (provider) =>
            Layer.toRuntime(
              Layer.provideMerge(
                managerLayer({ idleTimeout: "3 seconds", cookie: { secure: false } }, provider),
                Layer.setClock(ahead(by))
              )
            )
          )
        const [writer, reader] = [yield* process(byWriter), yield* process(byReader)]
        const headers = yield* Effect.provide(
          signIn(AppSession, (session) => session.set("userId", "ada")),
          writer
        )
        const answer = HttpApp.toWebHandlerRuntime(reader)(me)
        for (let second = 0; second < 6; second++) {
          yield* Effect.sleep("1 second")
          const response = yield* Effect.promise(() => answer(new Request("http://localhost/", { headers })))
          expect(yield* Effect.promise(() => response.text())).toBe("ada")
        }
      })
    )
  }
})
