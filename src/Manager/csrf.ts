/**
 * A token that shows that a form or a script is of the app's own pages: for browsers that send neither Fetch Metadata nor
 * Origin, and where other origins are allowed.
 *
 * A token is masked, so that each response has another one and compression tells nothing of it (BREACH). It is bound to the
 * session and to the sign-in.
 *
 * @since 3.0.0
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import * as Effect from "#effect/Effect"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"
import { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import { type BoundFields, bind, cellOf, Handle } from "../Store/Handle.js"
import * as SessionStore from "../Store/SessionStore.js"
import { LiveSession } from "./LiveSession.js"

class Csrf extends SessionStore.Tag<Csrf>()("effect-session/csrf", { secret: Schema.String }) {}

const bound = new WeakMap<SessionCodec, BoundFields>()

const storeOf = (session: LiveSession): SessionStore.Session<typeof Csrf.fields> => {
  const { codec } = session.env
  const fields = bound.get(codec) ?? bind(Csrf, codec)
  bound.set(codec, fields)
  return new Handle(session, fields)
}

const size = 32

const macOf = (key: string, text: string): Buffer =>
  createHmac("sha256", key).update(`effect-session csrf ${text}`).digest()

/** What a token shows, unmasked: which session it is, and who has signed in to it when. */
const proofOf = (session: LiveSession, secret: string): Effect.Effect<Buffer, SessionError> =>
  Effect.map(session.whose, (whose) => macOf(secret, whose === undefined ? "" : `${whose.register} ${whose.family}`))

const xor = (one: Uint8Array, other: Uint8Array): Buffer => Buffer.from(one.map((byte, at) => byte ^ other[at]!))

/** The session behind a handle. */
const live = <A, E, R>(
  session: SessionStore.Session<any>,
  use: (session: LiveSession) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SessionError, R> => {
  const own = cellOf(session)
  return own instanceof LiveSession
    ? use(own)
    : new SessionError({ reason: "Unsupported", message: "csrf: expected a session that SessionHttp has mounted" })
}

/**
 * Makes a token for a form's hidden field `_csrf`, or for a page's scripts to send in the header `x-csrf-token`. Each call
 * makes another one, and all are good until somebody signs in or the session ends. It begins a session for a visitor who
 * has none.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { HttpServerResponse } from "effect/http"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * const form = Effect.gen(function* () {
 *   const token = yield* SessionHttp.csrf.token(yield* AppSession)
 *   return HttpServerResponse.html(
 *     `<form method="post" action="/name"><input type="hidden" name="_csrf" value="${token}"><input name="name"></form>`
 *   )
 * })
 *
 * @since 3.0.0
 * @category csrf
 */
export const token = (session: SessionStore.Session<any>): Effect.Effect<string, SessionError> =>
  live(session, (own) => {
    const store = storeOf(own)
    const known = Effect.flatMap(store.get("secret"), (secret) =>
      Option.isSome(secret)
        ? Effect.succeed(secret.value)
        : Effect.flatMap(own.id, (id) => {
            // Derived, so that two pages that are the session's first at the same time have the same one.
            const derived = macOf(Redacted.value(id), "secret").toString("base64url")
            return store.update("secret", (current) => Option.getOrElse(current, () => derived))
          })
    )
    return Effect.map(
      Effect.flatMap(known, (secret) => proofOf(own, secret)),
      (proof) => {
        const mask = randomBytes(size)
        return Buffer.concat([mask, xor(proof, mask)]).toString("base64url")
      }
    )
  })

/**
 * Fails with `CrossOrigin`, which responds with 403, unless the text is a token of this session: for a token that comes in
 * another place than where `verify` looks.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * const rename = (message: { readonly csrf: string; readonly name: string }) =>
 *   Effect.gen(function* () {
 *     const session = yield* AppSession
 *     yield* SessionHttp.csrf.check(session, message.csrf)
 *     yield* session.set("name", message.name)
 *   })
 *
 * @since 3.0.0
 * @category csrf
 */
export const check = (session: SessionStore.Session<any>, text: string): Effect.Effect<void, SessionError> =>
  live(session, (own) => {
    const given = Buffer.from(text.length <= 2 * size * 2 ? text : "", "base64url")
    return Effect.flatMap(storeOf(own).get("secret"), (secret) =>
      Option.isNone(secret) || given.length !== 2 * size
        ? wrong(own)
        : Effect.flatMap(proofOf(own, secret.value), (proof) =>
            timingSafeEqual(proof, xor(given.subarray(size), given)) ? Effect.void : wrong(own)
          )
    )
  })

const wrong = (session: LiveSession): Effect.Effect<never, SessionError> =>
  Effect.suspend(() => {
    session.env.telemetry.crossOrigin(session.base?.kept.ref, session)
    return session.fail(
      new SessionError({
        reason: "CrossOrigin",
        message:
          "csrf: the request brought no token of this session: put one of csrf.token into the form's field _csrf or the header x-csrf-token"
      })
    )
  })

/**
 * Fails with `CrossOrigin`, which responds with 403, unless the request brings a token of its session: in the header
 * `x-csrf-token`, or in the field `_csrf` of an urlencoded form. The handler can still read the form.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { HttpServerRequest, HttpServerResponse } from "effect/http"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * const rename = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   yield* SessionHttp.csrf.verify(session)
 *   const { name } = yield* HttpServerRequest.schemaBodyUrlParams(Schema.Struct({ name: Schema.String }))
 *   yield* session.set("name", name)
 *   return HttpServerResponse.redirect("/")
 * })
 *
 * @since 3.0.0
 * @category csrf
 */
export const verify = (session: SessionStore.Session<any>): Effect.Effect<void, SessionError, HttpServerRequest> =>
  Effect.flatMap(HttpServerRequest, ({ headers, text }) => {
    const header = headers["x-csrf-token"]
    return header !== undefined || !/^application\/x-www-form-urlencoded\b/i.test(headers["content-type"] ?? "")
      ? check(session, header ?? "")
      : Effect.flatMap(
          Effect.orElseSucceed(text, () => ""),
          (form) => check(session, new URLSearchParams(form).get("_csrf") ?? "")
        )
  })
