/**
 * The options of sessions, as an app writes them. The Schema `SessionConfig` accepts the same options.
 */
import type * as DateTime from "#effect/DateTime"
import type * as Duration from "#effect/Duration"
import type * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import type * as Redacted from "#effect/Redacted"

/**
 * The options of the cookie.
 *
 * @since 3.0.0
 * @category models
 */
export interface CookieOptions {
  /**
   * The cookie's name. Default `__Host-id`, or `__Secure-id` if a `domain` or a `path` other than `/` is set, which that
   * prefix forbids, or `id` if `secure` is false.
   */
  readonly name?: string | undefined
  /** The Domain attribute. Default none: the browser sends the cookie to this host only. */
  readonly domain?: string | undefined
  /** The Path attribute. Default `/`. */
  readonly path?: string | undefined
  /** The Secure attribute. Default true; set it to false only for plain http on a developer's machine. */
  readonly secure?: boolean | undefined
  /** The HttpOnly attribute, with which scripts cannot read the cookie. Default true. */
  readonly httpOnly?: boolean | undefined
  /** The SameSite attribute. Default `lax`. */
  readonly sameSite?: "strict" | "lax" | "none" | undefined
  /** The Partitioned attribute (CHIPS). Default false. */
  readonly partitioned?: boolean | undefined
  /** How long the browser keeps the cookie. Default: until the browser is closed. */
  readonly maxAge?: Duration.Input | undefined
  /**
   * Whether the cookie is sent to clients. Default true. Set it to false if another app sends the cookie and this one
   * only reads it.
   */
  readonly sent?: boolean | undefined
  /**
   * The secrets that sign the id in the cookie, as express-session and @fastify/session do it: the first one signs, and all are
   * accepted. Then ids of any form are accepted that one of them has signed: up to 255 visible ASCII characters. For apps that share their
   * sessions with such an app; an id is no safer for it. Default none: the cookie is the id.
   */
  readonly secrets?: ReadonlyArray<Redacted.Redacted<string>> | undefined
  /** What stands before a signed id. Default `s:`, as in express; for @fastify/session an empty text. */
  readonly valuePrefix?: string | undefined
}

/**
 * The options of session ids.
 *
 * @since 3.0.0
 * @category models
 */
export interface IdOptions {
  /** The number of random bytes in an id, from 16 to 96 (OWASP ASVS 7.2.3 asks for 128 bits). Default 32. */
  readonly bytes?: number | undefined
  /** The prefix of every id: at most 32 letters, digits, `_` or `-`. Default none. */
  readonly prefix?: string | undefined
  /** How an id's bytes are written. Default `base64url`. */
  readonly encoding?: "base64url" | "hex" | undefined
  /**
   * Whether backends get the SHA-256 of an id instead of the id. Default true. `migrating` is for sessions that were
   * stored with `false`: each is found by its id and kept under its hash from then on, so that no user is signed out.
   */
  readonly hashed?: boolean | "migrating" | undefined
  /**
   * The age at which a session's id is changed by itself, with a request that uses the session (the renewal timeout of
   * OWASP's Session Management Cheat Sheet). The session's absolute end does not move. It has no effect on sealed
   * cookies. Default: never.
   */
  readonly renewEvery?: Duration.Input | undefined
  /**
   * How long an id that was changed by `renewEvery` goes on serving the same session, for requests that were under way
   * and for clients that lost the response with the new id. Less than `renewEvery`. Default 30 seconds.
   */
  readonly grace?: Duration.Input | undefined
  /**
   * How long after `grace` the use of an old id is noticed, as the event `Reused`. Default 1 hour; 0 turns it off.
   */
  readonly watchReuse?: Duration.Input | undefined
  /**
   * Whether the use of an old id after `grace` ends the session, because two clients have it and one of them may have
   * stolen it: the rotation of OAuth's refresh tokens (RFC 6819 5.2.2.3, RFC 9700 4.14.2). Default false: a client that
   * slept with an old id would be signed out too.
   */
  readonly endOnReuse?: boolean | undefined
}

/**
 * The lifetimes of a session whose user asked to be remembered.
 *
 * @since 3.0.0
 * @category models
 */
export interface RememberOptions {
  /** How long such a session lives without a request that uses it, at most `absoluteTimeout`. Default 14 days. */
  readonly idleTimeout?: Duration.Input | undefined
  /**
   * How long such a session lives in any case, counted from its sign-in: at most 400 days, as long as a browser keeps a
   * cookie. Default 30 days.
   */
  readonly absoluteTimeout?: Duration.Input | undefined
}

/**
 * The options of the lists of each person's sessions.
 *
 * @since 3.0.0
 * @category models
 */
export interface PrincipalOptions {
  /** The largest number of sessions that one person can be signed in to at a time, from 1 to 10,000. Default 1,000. */
  readonly max?: number | undefined
  /**
   * What becomes of a sign-in that would be one too many: the person's oldest session ends (`end-oldest`, the default),
   * or the sign-in fails with `TooManySessions` (`refuse`).
   */
  readonly whenExceeded?: "end-oldest" | "refuse" | undefined
  /**
   * Whether a list that may be incomplete is good enough. Default false: if the backend may lose its records, as
   * memcached does when it is full, ending all of a person's sessions, or all others, could leave one alive, and is
   * refused.
   */
  readonly bestEffort?: boolean | undefined
}

/**
 * The options of requests from other origins (RFC 6454).
 *
 * @since 3.0.0
 * @category models
 */
export interface CrossOriginOptions {
  /**
   * Other origins whose requests may use a session: scheme, host and port, such as `https://app.example.com`. Default
   * none.
   */
  readonly trusted?: ReadonlyArray<string> | undefined
}

/**
 * The options of sessions that are sealed before a backend gets them.
 *
 * @since 3.0.0
 * @category models
 */
export interface AtRestOptions {
  /**
   * The keys, each of at least 32 random bytes: encoded as base64, base64url or hex, or the bytes themselves. Sessions
   * are sealed with the first key; all keys open them. To rotate, put a new key in front, and drop the old one when its
   * last session has expired. Or `id`: each session has a key of its own, derived from its id, which only its client
   * has.
   */
  readonly keys: "id" | ReadonlyArray<Redacted.Redacted<string | Uint8Array>>
  /**
   * Whether sessions that were stored unsealed are read, and sealed when they are stored next: true while sealing is
   * turned on, so that no user is signed out. With `unseal` they are stored unsealed, and those that are sealed are read:
   * while sealing is turned off, or before it is turned on where several processes run. As long as it is one of the two,
   * whoever can write to the backend can forge sessions. Default false.
   */
  readonly migrating?: boolean | "unseal" | undefined
}

/**
 * The options of compression.
 *
 * @since 3.0.0
 * @category models
 */
export interface CompressOptions {
  /** The least size of a session that is compressed, in bytes. */
  readonly over: number
}

/**
 * The options of sessions that are bound to a device (W3C Device Bound Session Credentials).
 *
 * @since 3.0.0
 * @category models
 */
export interface DeviceBoundOptions {
  /** How long a browser's proof counts. Chrome refreshes it in time. Default 10 minutes. */
  readonly every?: Duration.Input | undefined
  /** The path at which browsers bind a session and renew the proof. Default `/.well-known/session`. */
  readonly path?: string | undefined
  /**
   * Whether a session that no browser has bound ends `every` after its sign-in. Default false: browsers that cannot bind
   * sessions keep ordinary ones.
   */
  readonly required?: boolean | undefined
  /**
   * How long after its last proof a session goes on if its browser says that it could not renew the proof. Default as
   * long as `every`; 0 lets no request pass without a proof.
   */
  readonly skippedFor?: Duration.Input | undefined
}

/**
 * The options of sessions. Durations are Effect's: `"30 minutes"`, `Duration.hours(12)`, milliseconds.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /** How long a session lives without a request that uses it, but never past `absoluteTimeout`. Default 30 minutes. */
  readonly idleTimeout?: Duration.Input | undefined
  /** How long a session lives in any case, counted from its start or its last `regenerate`. Default 12 hours. */
  readonly absoluteTimeout?: Duration.Input | undefined
  /**
   * The least time between two renewals of the idle lifetime by requests that only read. Default a tenth of
   * `idleTimeout`.
   */
  readonly touchEvery?: Duration.Input | undefined
  /** The pause between two garbage collections, if the backend needs them. Default 1 minute. */
  readonly gcInterval?: Duration.Input | undefined
  /** How long a backend call, or the save at a request's end, may take. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** The largest size of a stored session, in bytes. Default 64 KiB. */
  readonly maxBytes?: number | undefined
  /**
   * Whether changes are kept if the response is a 5xx. Default false: a failed handler leaves the session as it was.
   */
  readonly keepOnServerError?: boolean | undefined
  /**
   * The response if the backend could not save: a `503` in place of the handler's (default), or the handler's
   * `response` as if nothing had happened.
   */
  readonly whenNotSaved?: "503" | "response" | undefined
  /**
   * Ends every session that began before this date, as after a break-in. A change of id by `regenerate` or a sign-in
   * counts as a beginning. Default none.
   */
  readonly validFrom?: DateTime.DateTime.Input | undefined
  /** The lifetimes of a session whose user asked to be remembered. */
  readonly remember?: RememberOptions | undefined
  /** The options of the lists of each person's sessions. */
  readonly principals?: PrincipalOptions | undefined
  /**
   * What browsers have to delete of this site when a user signs out: the `Clear-Site-Data` header of the response to
   * `session.signOut` (W3C Clear Site Data). `cookies` deletes those of all apps on the domain. Browsers obey only over
   * https, and not all know all of these. Default none.
   */
  readonly clearSiteData?: ReadonlyArray<"cache" | "cookies" | "storage" | "executionContexts"> | undefined
  /**
   * Which requests of other sites may use a session. By default those with an unsafe method, and WebSockets, fail with
   * `CrossOrigin` when they use it, unless they come from the same origin or a trusted one (Fetch Metadata, and the
   * Origin header where browsers send none). `allow` lets all of them.
   */
  readonly crossOrigin?: "allow" | CrossOriginOptions | undefined
  /**
   * The name of the app, of up to 64 visible ASCII characters without spaces. It is part of what backends get: of the
   * hashes of ids, of the names of people's lists, and of seals. So two apps with one backend, or one key, are strangers
   * to each other. Sessions that were stored under another name, or under none, are over. Default none.
   */
  readonly app?: string | undefined
  /**
   * Whether sessions are sealed before the backend gets them, so that it can neither read nor forge them: with keys, or
   * with each session's own id (`id`). Default: they are not.
   */
  readonly atRest?: "id" | AtRestOptions | undefined
  /**
   * Compresses large sessions (deflate). Default off: if an attacker can put text into a session and see how long its
   * record is, compression lets them guess a secret in it (the CRIME attack).
   */
  readonly compress?: CompressOptions | undefined
  /** Binds sessions to the device of the person who signs in, where the browser can. Default off. */
  readonly deviceBound?: DeviceBoundOptions | undefined
  /**
   * What events tell of the client: a salted hash of its address, or of its agent (the User-Agent header). With it, the
   * event `Moved` tells that a signed-in session is used from another one. For detection: nothing is decided by it.
   * Default nothing.
   */
  readonly signals?: ReadonlyArray<"address" | "agent"> | undefined
  /**
   * The salt of the hashes in events: of at least 16 bytes, the same in all processes whose events are to be compared.
   * Default: random bytes of this process.
   */
  readonly signalSalt?: Redacted.Redacted<string> | undefined
  /**
   * Asked before a client without a session gets one: false fails the change with `NotAdmitted`, a 429. Default: all are
   * admitted.
   */
  readonly admit?: ((request: HttpServerRequest) => Effect.Effect<boolean>) | undefined
  /** The options of session ids. */
  readonly id?: IdOptions | undefined
  /** Cookie attributes, or `false` to send no cookie. */
  readonly cookie?: false | CookieOptions | undefined
  /**
   * The name of a header that carries the id in both directions, for clients without cookies, or `false` (default) for
   * no header.
   */
  readonly header?: string | false | undefined
  /**
   * The name of a query parameter that may carry the id, or `false` (default) for no parameter. An id in a URL ends up
   * in logs, histories and Referer headers (OWASP ASVS 14.2.1 forbids it). The option exists because beego has it.
   */
  readonly query?: string | false | undefined
}
