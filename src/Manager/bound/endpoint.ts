/**
 * Answers the requests with which browsers bind a session to their device and renew the proof (W3C Device Bound Session
 * Credentials).
 *
 * A browser drops its binding after any status from 400 to 499 but 407, 429 and a 403 with a challenge, and keeps it after
 * others: so a backend that cannot be reached is a 503.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import type { SessionError } from "../../SessionError.js"
import type { Binding } from "../../Store/Codec.js"
import { late } from "../begin.js"
import { isClosed } from "../findLive.js"
import type { LiveSession } from "../LiveSession.js"
import { cookieLifetimeOf } from "../lifetimes.js"
import type { Base } from "../Outcome.js"
import { answered, challengeAt, challengeOf, cookieOf, type Device, identifierOf, refIn } from "./binding.js"
import { change, type Next, type Refusal } from "./change.js"
import { type Proof, readKey, readProof, writeKey } from "./proof.js"
import { readText } from "./structured.js"
import { refreshPath } from "./wire.js"

type Response = HttpServerResponse.HttpServerResponse

const statusOf: Readonly<Record<Refusal, number>> = { Nobody: 401, Bound: 409, Forged: 403, Spent: 403, TooMany: 429 }

const refused = (refusal: Refusal): Response => HttpServerResponse.empty({ status: statusOf[refusal] })

/** The part of a path that these answers are for: undefined if the app answers. */
export const placeOf = ({ path }: Device, url: string): string | undefined => {
  if (!url.includes(path)) {
    return undefined
  }
  const [asked = ""] = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "").split(/[?#]/)
  return asked === path || asked.startsWith(`${path}/`) ? asked : undefined
}

/** Answers a browser's request at a place. */
export const answer = (
  session: LiveSession,
  device: Device,
  request: HttpServerRequest,
  place: string
): Effect.Effect<Response, SessionError> => {
  const step = place === device.path ? register : place === refreshPath(device.path) ? refresh : undefined
  if (step === undefined) {
    return Effect.succeed(HttpServerResponse.empty({ status: 404 }))
  }
  if (request.method !== "POST") {
    return Effect.succeed(HttpServerResponse.empty({ status: 405, headers: { allow: "POST" } }))
  }
  session.proving = true
  session.idling = true
  const go = (base: Base | undefined) => {
    const binding = base?.data.owner?.binding
    return base === undefined
      ? nobody(session)
      : binding === undefined
        ? Effect.succeed(refused("Nobody"))
        : step({ session, device, request, base, binding })
  }
  return session.reading(() => {
    const { origin, sent } = session
    return origin._tag === "Live" || origin._tag === "Unproven"
      ? go(origin.base)
      : sent === undefined && step === register
        ? Effect.flatMap(named(session, request), go)
        : go(undefined)
  })
}

/**
 * The session that the browser's first proof names. If somebody has signed in on the way from another site, browsers send
 * that proof without the session's cookie, as they send whatever that site has caused. Its challenge has left with the
 * cookie, and was signed by the session: nobody else has one.
 */
const named = (session: LiveSession, request: HttpServerRequest): Effect.Effect<Base | undefined, SessionError> => {
  const ref = refIn(proofIn(request)?.challenge ?? "")
  return ref === undefined
    ? Effect.succeed(undefined)
    : Effect.map(session.env.keeper.find(ref), (found) =>
        found === undefined || isClosed(session.env, found) ? undefined : session.understand(found)
      )
}

const proofIn = ({ headers }: HttpServerRequest): Proof | undefined =>
  readProof(headers["secure-session-response"] ?? "")

/** No session: it is over, unless this request has missed that its id changed. */
const nobody = (session: LiveSession): Effect.Effect<Response, SessionError> =>
  Effect.flatMap(Effect.forEach(session.sent?.tokens ?? [], session.env.keeper.fate), (fates) =>
    session.origin._tag === "Ambiguous" || fates.includes("Moved")
      ? Effect.fail(late(session))
      : Effect.succeed(refused("Nobody"))
  )

interface Asked {
  readonly session: LiveSession
  readonly device: Device
  readonly request: HttpServerRequest
  readonly base: Base
  readonly binding: Binding
}

/** The browser offers its key. */
const register = (asked: Asked): Effect.Effect<Response, SessionError> => {
  const { binding, device, request } = asked
  if (binding.key !== undefined) {
    return Effect.succeed(refused("Bound"))
  }
  const proof = proofIn(request)
  const key = proof?.offered
  if (key === undefined || !proof?.isSignedWith(key)) {
    return Effect.succeed(refused("Forged"))
  }
  return proving(asked, "Bound", (latest, now) => {
    const next = latest.key === undefined ? answered(device, latest, proof.challenge, now) : "Bound"
    return typeof next === "string" ? next : { ...next, key: writeKey(key) }
  })
}

/** The browser proves its key again, or asks for a challenge. */
const refresh = (asked: Asked): Effect.Effect<Response, SessionError> => {
  const { binding, device, request } = asked
  const key = binding.key === undefined ? undefined : readKey(binding.key)
  // The browser may still hold the binding of a session that this one has followed: that is over.
  const isNamed = readText(request.headers["sec-secure-session-id"] ?? "") === identifierOf(binding)
  if (key === undefined || !isNamed) {
    return Effect.succeed(refused("Nobody"))
  }
  if (request.headers["secure-session-response"] === undefined) {
    return asking(asked)
  }
  const proof = proofIn(request)
  return proof?.isSignedWith(key)
    ? proving(asked, "Refreshed", (latest, now) => answered(device, latest, proof.challenge, now))
    : Effect.succeed(refused("Forged"))
}

/** Asks the browser to answer a fresh challenge. */
const asking = ({ binding, device }: Asked): Effect.Effect<Response> =>
  Effect.clockWith((clock) => {
    const challenge = challengeAt(device, binding, millisOf(clock))
    return Effect.succeed(challenging(HttpServerResponse.empty({ status: 403 }), binding, challenge))
  })

const challenging = (response: Response, binding: Binding, challenge: string): Response =>
  HttpServerResponse.setHeader(response, "secure-session-challenge", `"${challenge}";id="${identifierOf(binding)}"`)

/** Stores what the proof changes, and gives the browser its next cookie and challenge. */
const proving = (asked: Asked, event: "Bound" | "Refreshed", next: Next): Effect.Effect<Response, SessionError> => {
  const { base, device, request, session } = asked
  const { telemetry, transport } = session.env
  return Effect.flatMap(change(session, base, next), (result): Effect.Effect<Response> => {
    if (typeof result === "string") {
      return result === "Spent" && event === "Refreshed" ? asking(asked) : Effect.succeed(refused(result))
    }
    const binding = result.data.owner!.binding!
    telemetry.emit(event, result.kept.ref, session)
    if (session.isNews(result) || cookieLifetimeOf(session, result) !== undefined) {
      session.tell(result)
    }
    const wire = transport.bound!
    const response = HttpServerResponse.jsonUnsafe(wire.describe(identifierOf(binding), originOf(request)), {
      headers: { "cache-control": "no-store" }
    })
    // With the next challenge ahead, the browser's next proof takes one round trip.
    return Effect.succeed(challenging(wire.prove(response, cookieOf(device, binding)), binding, challengeOf(binding)))
  })
}

/** The origin that the browser says it is at; without it, the browser takes that of the request. */
const originOf = ({ headers }: HttpServerRequest): string | undefined =>
  /^https:\/\/[^/]+$/.test(headers["origin"] ?? "") ? headers["origin"] : undefined
