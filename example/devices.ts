/**
 * The demo's routes for a person's devices: what is signed in, and the end of one or of all others.
 */
import { type SessionError, SessionManager } from "effect-session"
import * as DateTime from "#effect/DateTime"
import * as Effect from "#effect/Effect"
import * as HttpRouter from "#effect/http/HttpRouter"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { devicesPage } from "./devicesPage.js"
import { message } from "./layout.js"
import { AppSession } from "./session.js"

const saying = (status: number, title: string, text: string) =>
  HttpServerResponse.setStatus(HttpServerResponse.html(message(title, text)), status)

const stranger = saying(401, "Your devices", "Sign in first.")

/** Runs a handler for the person who is signed in. Others get a 401. */
const forPerson = <E, R>(handler: (name: string) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.flatMap(AppSession, (session) =>
    Effect.flatMap(
      session.principal,
      Option.match({ onNone: () => Effect.succeed(stranger), onSome: (name) => handler(name) })
    )
  )

/** A backend that keeps no lists says so. */
const orUnsupported = (error: SessionError) =>
  error.reason === "Unsupported" ? Effect.succeed(saying(501, "Your devices", error.message)) : Effect.fail(error)

const backToList = HttpServerResponse.redirect("/devices", { status: 303 })

const list = forPerson((name) =>
  Effect.gen(function* () {
    const now = DateTime.toEpochMillis(yield* DateTime.now)
    const sessions = yield* SessionManager.sessionsOf(AppSession, name)
    const devices = sessions.map(({ get, isCurrent, lastSeen, ref, started }) => ({
      ref,
      agent: get("agent"),
      started: DateTime.toEpochMillis(started),
      lastSeen: DateTime.toEpochMillis(lastSeen),
      isCurrent
    }))
    return HttpServerResponse.html(devicesPage(name, devices, now))
  })
)

const end = forPerson((name) =>
  Effect.gen(function* () {
    const { ref } = yield* HttpServerRequest.schemaBodyUrlParams(Schema.Struct({ ref: Schema.String }))
    yield* SessionManager.endSession(name, ref)
    return backToList
  })
)

const endOthers = forPerson(() =>
  Effect.flatMap(AppSession, (session) => Effect.as(SessionManager.endOthers(session), backToList))
)

export const devices = Layer.mergeAll(
  HttpRouter.add("GET", "/devices", Effect.catchTag(list, "SessionError", orUnsupported)),
  HttpRouter.add("POST", "/devices/end", Effect.catchTag(end, "SessionError", orUnsupported)),
  HttpRouter.add("POST", "/devices/end-others", Effect.catchTag(endOthers, "SessionError", orUnsupported))
)
