/**
 * The options of sessions, as an app writes them. The Schema `SessionConfig` accepts the same options.
 */
import type * as DateTime from "#effect/DateTime"
import type * as Duration from "#effect/Duration"

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
