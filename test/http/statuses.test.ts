/**
 * The responses to errors that are the client's matter: 401 if it has to sign in, 403 if it has too many sessions.
 */
import { SessionError } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServerRespondable from "#effect/http/HttpServerRespondable"
import { describe, expect, it } from "#test/vitest"
import { reasonsWith } from "../../src/SessionError.js"
import { AppSession, probe } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { basics, mounts } from "../support/mounts.js"

const failing = (reason: SessionError["reason"]) => new SessionError({ reason, message: `probe: ${reason}` })

const handlers = {
  ...basics,
  SignInNeeded: Effect.andThen(basics.count, Effect.fail(failing("SignInNeeded"))),
  TooManySessions: Effect.andThen(basics.count, Effect.fail(failing("TooManySessions"))),
  begin: Effect.flatMap(AppSession, (session) => Effect.as(session.set("userId", "ada"), "ada"))
}

const cases = [
  ["SignInNeeded", 401],
  ["TooManySessions", 403]
] as const

const bodyIn = (mount: string, reason: string) =>
  mount === "HttpApi" ? JSON.stringify({ _tag: "SessionError", reason }) : ""

/** A body as it is sent, in chunks of which the last one is empty. */
const text = (body: string) => body.replace(/^0\r\n\r\n$/, "")

describe.each(Object.keys(mounts))("%s", (mount) => {
  it.effect("answers an error of a handler with its status, logs nothing, and saves what was changed", () =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      const get = yield* mounts[mount]!(handlers).pipe(Effect.provide(layer))
      const cookie = (yield* get("/count")).cookie!
      for (const [reason, status] of cases) {
        const answer = yield* get(`/${reason}`, { cookie })
        expect([answer.status, text(answer.body)]).toEqual([status, bodyIn(mount, reason)])
        expect(answer.headers["www-authenticate"]).toBeUndefined()
      }
      // A response below 500 saves.
      expect((yield* get("/read", { cookie })).body).toBe("3")
      expect(logged).toEqual([])
    })
  )

  it.effect("answers a save that is refused in the same way, and sets no cookie", () =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      for (const [reason, status] of cases) {
        const { provider } = probe(() => ({ create: () => Effect.fail(failing(reason)) }))
        const get = yield* mounts[mount]!(handlers, provider).pipe(Effect.provide(layer))
        const answer = yield* get("/begin")
        expect([answer.status, text(answer.body), answer.setCookie]).toEqual([status, bodyIn(mount, reason), []])
        expect(answer.headers["cache-control"]).toBe("no-store")
      }
      expect(logged).toEqual([])
    })
  )
})

it.effect("a SessionError is a response without any mount, with the status of its reason", () =>
  Effect.gen(function* () {
    for (const [status, reasons] of [
      [503, ["Unavailable", "Conflict", "Gone"]],
      [401, ["SignInNeeded"]],
      [403, ["TooManySessions", "CrossOrigin"]],
      [429, ["NotAdmitted"]],
      [500, ["NotFound", "InvalidValue", "TooLarge", "HeadersSent", "Unsupported", "InvalidConfig"]]
    ] as const) {
      expect(reasonsWith(status)).toEqual(reasons)
      for (const reason of reasons) {
        expect((yield* HttpServerRespondable.toResponse(failing(reason))).status).toBe(status)
      }
    }
  })
)
