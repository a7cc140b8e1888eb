/**
 * Runs a request's session, from its mount to its response. With every mount the session is saved when the mounted
 * app has made its response or, if the app failed or could not be wrapped, before the response's headers leave.
 */

import { Registration } from "#dialect/http"
import { contextOf, isInterrupted, type Running } from "#dialect/runtime"
import { watchUpgrade } from "#dialect/upgrade"
import * as Cause from "#effect/Cause"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import type * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpServerError from "#effect/http/HttpServerError"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Scope from "#effect/Scope"
import { isSessionError, type SessionError, statusOf } from "../SessionError.js"
import { commit } from "./Commit.js"
import type { Environment } from "./Environment.js"
import type { LiveSession } from "./LiveSession.js"
import { endNow, type MountedSession } from "./MountedSession.js"
import { needsCommit } from "./renewal.js"
import { makeRequestSessions, type RequestSessions } from "./requestSessions.js"
import { dismiss, isGone, respond, tell } from "./respond.js"

type Response = HttpServerResponse.HttpServerResponse
export type App<E, R> = Effect.Effect<Response, E, R | HttpServerRequest>

export class Mounting {
  private readonly sessions: RequestSessions

  constructor(private readonly env: Environment) {
    this.sessions = makeRequestSessions(env)
  }

  /**
   * Wraps an app so that it has its request's session, which `put` adds to the context. It must run in the fiber that
   * it is made with. It never fails with a `SessionError`: an error that the app does not catch becomes a response.
   */
  around(app: App<any, any>, put: (fiber: Running, session: LiveSession) => void): (fiber: Running) => App<any, any> {
    // Not masked from interruption, since that takes some 3 µs per request: a mount that was interrupted is one that
    // never left.
    const settled = Effect.matchCauseEffect(app, { onFailure: this.leaveFailed, onSuccess: this.leave })
    // Made once, since most requests begin with it.
    const registeredFirst = Effect.andThen(this.registration.first ?? Effect.void, settled)
    return (fiber) => {
      const session = this.enter(fiber)
      const outer = session.mounts++
      this.env.underWay.begin()
      fiber.addObserver(() => {
        session.leftAt(outer)
        this.env.underWay.end()
      })
      put(fiber, session)
      const registration = this.registration.register(fiber, session)
      return registration === undefined
        ? settled
        : registration === this.registration.first
          ? registeredFirst
          : Effect.andThen(registration, settled)
    }
  }

  /** The session of a fiber's request, for a mount that cannot wrap its app and declares its errors. */
  readonly within: Effect.Effect<LiveSession> = Effect.withFiber((fiber) => {
    const session = this.enter(fiber)
    session.shape = "declared"
    this.env.underWay.begin()
    fiber.addObserver(() => this.env.underWay.end())
    const registration = this.registration.register(fiber, session)
    return registration === undefined ? Effect.succeed(session) : Effect.as(registration, session)
  })

  /** The session of a request, if it was mounted. */
  existing(request: HttpServerRequest): LiveSession | undefined {
    return this.sessions.existing(request)
  }

  private enter(fiber: Running): MountedSession {
    const request = requestOf(fiber)
    const session = this.sessions.of(request)
    session.scope ??= Context.getOrUndefined(contextOf(fiber), Scope.Scope)
    if (session.stage === "closed") {
      // Mounted again after another mount has ended: the response has not left yet.
      session.stage = "open"
    }
    if (mayUpgrade(request)) {
      const upgraded = Effect.sync(() => {
        session.stage = "socket"
      })
      watchUpgrade(request, upgraded)
    }
    return session
  }

  private readonly leave = (response: Response): Effect.Effect<Response> =>
    Effect.withFiber((fiber) => this.leaveWith(fiber, response))

  private leaveWith(fiber: Running, response: Response): Effect.Effect<Response> {
    const request = requestOf(fiber)
    const session = this.sessions.of(request)
    session.mounts--
    return session.mounts > 0 ? this.saveInner(session, response) : this.finish(session, response, request)
  }

  /** Saves the changes of an inner mount when it has made its response, whatever becomes of the outer ones. */
  private saveInner(session: MountedSession, response: Response): Effect.Effect<Response> {
    return session.stage === "open" && session.changed && !session.isForgotten && response.status < 500
      ? Effect.flatMap(
          commit(session, "end"),
          (outcome) => respond(session, outcome, response, session.shape) ?? Effect.succeed(response)
        )
      : Effect.succeed(response)
  }

  private readonly leaveFailed = (cause: Cause.Cause<unknown>): Effect.Effect<Response, unknown> =>
    Effect.withFiber((fiber) => {
      const error = sessionErrorIn(cause)
      if (error !== undefined) {
        const response = HttpServerResponse.empty({ status: statusOf(error.reason) })
        return Effect.andThen(this.env.reports.failed(error), this.leaveWith(fiber, response))
      }
      const request = requestOf(fiber)
      const session = this.sessions.of(request)
      session.mounts--
      return session.mounts > 0 || session.stage === "socket"
        ? Effect.failCause(cause)
        : this.finishFailed(session, cause, request, isInterrupted(fiber))
    })

  /**
   * Finishes the session of an app that failed: ends the sessions that were to end, whatever becomes of the changes.
   */
  private finishFailed(
    session: MountedSession,
    cause: Cause.Cause<unknown>,
    request: HttpServerRequest,
    interrupted: boolean
  ): Effect.Effect<Response, unknown> {
    if (interrupted && Cause.hasInterrupts(cause)) {
      session.discard()
      return Effect.andThen(endNow(session), Effect.failCause(cause))
    }
    return Effect.flatMap(HttpServerError.causeResponse(cause), ([response]) => {
      // The failure carries the response that tells the client, because an outer layer may run this fiber as its child:
      // then only the failure gets out. The error that an outer layer catches is unchanged.
      const failed = (made: Response) =>
        Effect.failCause(made === response ? cause : Cause.combine(cause, Cause.die(hiding(made))))
      // An error with a status below 500 is final; from 500 on, an outer layer may still turn it into another response.
      return response.status < 500 || this.env.config.keepOnServerError
        ? Effect.flatMap(this.finish(session, response, request), (made) =>
            made.status === response.status ? failed(made) : Effect.succeed(made)
          )
        : Effect.flatMap(
            Effect.andThen(
              endNow(session),
              Effect.suspend(() => tell(session, response, request))
            ),
            failed
          )
    })
  }

  /** Saves the session, and adds its news to the response. Never fails. */
  private finish(session: MountedSession, response: Response, request: HttpServerRequest): Effect.Effect<Response> {
    session.made = response
    if (session.stage === "socket") {
      return Effect.as(session.changed ? this.env.reports.warned(unsaved) : Effect.void, response)
    }
    session.stage = "closed"
    if (session.isForgotten || (response.status >= 500 && !this.env.config.keepOnServerError)) {
      session.discard()
    }
    if (!needsCommit(session)) {
      return this.tell(session, response, request)
    }
    return Effect.flatMap(commit(session, "end"), (outcome) => {
      const instead = respond(session, outcome, response, session.shape)
      if (instead === undefined) {
        return this.tell(session, response, request)
      }
      // Changes that could not be saved are not saved later, since the client was told so.
      session.discard()
      return Effect.flatMap(instead, (response) => this.tell(session, response, request))
    })
  }

  private tell(session: MountedSession, response: Response, request: HttpServerRequest): Effect.Effect<Response> {
    return Effect.map(tell(session, response, request), (told) => {
      session.made = told
      return told
    })
  }

  /** Completes the session of a request before the response's headers leave. */
  private readonly answer: HttpEffect.PreResponseHandler = (request, response) => {
    const { underWay } = this.env
    const answered = this.answerTo(request, response)
    if (underWay.endsWith(request)) {
      return Effect.map(answered, HttpServerResponse.setHeader("connection", "close"))
    }
    if (response.body._tag === "Stream") {
      underWay.afterStream(request)
    }
    return answered
  }

  private answerTo(request: HttpServerRequest, response: Response): Effect.Effect<Response> {
    const session = this.sessions.existing(request)
    if (session === undefined) {
      return Effect.succeed(response)
    }
    session.answered = true
    const isMade = session.made === response
    if (isMade && !isGone(request)) {
      return Effect.succeed(response)
    }
    return Effect.map(isMade ? Effect.succeed(response) : this.answerLate(session, request, response), (response) =>
      isGone(request) ? dismiss(request, response) : response
    )
  }

  /** Completes a response that was changed after a mount made it, or whose app failed or could not be wrapped. */
  private answerLate(session: MountedSession, request: HttpServerRequest, response: Response): Effect.Effect<Response> {
    if (session.stage === "closed") {
      return this.tell(session, response, request)
    }
    return Effect.withFiber((fiber) => {
      const isGivenUp = isInterrupted(fiber) && givenUp.includes(response.status)
      if (session.stage === "open" && (session.mounts > 0 || isGivenUp)) {
        session.mounts = 0
        session.discard()
      }
      return Effect.andThen(logFailure(session, response), this.finish(session, response, request))
    })
  }

  private readonly registration = new Registration(this.answer)
}

/** The status that the platform gives to a request that was interrupted, by a client that hung up or by the server. */
const givenUp: ReadonlyArray<number> = [499, 503]

/**
 * Whether the request may become a WebSocket. Node says so; elsewhere it is the header, without which no server upgrades a
 * request (RFC 6455 4.2.1). To read it costs more than the rest of a mount.
 */
const mayUpgrade = (request: HttpServerRequest): boolean =>
  (request.source as { readonly upgrade?: boolean | null }).upgrade ?? request.headers["upgrade"] !== undefined

const requestOf = (fiber: Running): HttpServerRequest =>
  Context.getUnsafe(contextOf(fiber) as Context.Context<HttpServerRequest>, HttpServerRequest)

/** The `SessionError` that an app failed with and did not catch. */
const sessionErrorIn = (cause: Cause.Cause<unknown>): SessionError | undefined => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  return isSessionError(error) ? error : undefined
}

const unsaved = "session: changes on a WebSocket are saved only by session.save; some were not saved, and are lost"

/** Logs the error of an `HttpApi`, which responds with the errors that it declares and logs none. */
const logFailure = ({ env, failure, shape }: MountedSession, { status }: Response): Effect.Effect<void> =>
  shape === "declared" && failure !== undefined && status >= 500 ? env.reports.failed(failure) : Effect.void

/** Hides the response's cookies from anything that prints it, such as a span's error. */
const hiding = (response: Response): Response =>
  Object.defineProperty(response, "toJSON", {
    value: () => ({ _id: "HttpServerResponse", status: response.status })
  })
