/**
 * Declares the typed view of a session: a Tag with fields, which handlers use.
 *
 * @since 3.0.0
 */
import * as Context from "#effect/Context"
import type * as Duration from "#effect/Duration"
import type * as Effect from "#effect/Effect"
import type * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"
import type { SessionError } from "../SessionError.js"

/**
 * The secret that a client sends to be recognised. It is redacted, so that it does not show in logs. `docs/security.md`
 * describes how ids are made, checked and kept.
 *
 * @since 3.0.0
 * @category models
 */
export type SessionId = Redacted.Redacted<string> & { readonly "effect-session/SessionId": true }

/**
 * Marks a {@link Field}.
 *
 * @since 3.0.0
 * @category fields
 */
export const FieldTypeId = "~effect-session/SessionStore/Field"

/**
 * A field with a default or a `migrate` hook, made by {@link field}.
 *
 * @since 3.0.0
 * @category fields
 */
export interface Field<A, I, HasDefault extends boolean> {
  readonly [FieldTypeId]: HasDefault
  readonly schema: Schema.Codec<A, I>
  readonly default: (() => A) | undefined
  readonly migrate: ((stored: unknown) => unknown) | undefined
}

/**
 * The fields of a store's declaration: a Schema or a {@link field} for each name.
 *
 * @since 3.0.0
 * @category fields
 */
export type Fields = { readonly [name: string]: Schema.Codec<any, any> | Field<any, any, boolean> }

/**
 * The type of a field's value.
 *
 * @since 3.0.0
 * @category fields
 */
export type Value<F> =
  F extends Field<infer A, any, boolean> ? A : F extends Schema.Codec<infer A, any, never> ? A : never

/**
 * The type of a field when it is read: the value if the field has a default, and an `Option` of it otherwise.
 *
 * @since 3.0.0
 * @category fields
 */
export type Got<F> = F extends Field<infer A, any, true> ? A : Option.Option<Value<F>>

/**
 * Declares a field with a default, or with a `migrate` hook. If the Schema does not accept a stored value, such as one
 * of an older version of the app, `migrate` turns it into the form that the Schema encodes to now. A stored value that
 * still cannot be read, even because the Schema or `migrate` throws, is dropped and reported; it never fails a request.
 * If a `default` throws, the call that needed it dies with that defect.
 *
 * @example
 * import { Schema } from "effect"
 * import { SessionStore } from "effect-session"
 *
 * class Prefs extends SessionStore.Tag<Prefs>()("Prefs", {
 *   visits: SessionStore.field(Schema.Natural, { default: () => 0 }),
 *   theme: SessionStore.field(Schema.Literals(["light", "dark"]), {
 *     default: () => "light",
 *     migrate: (stored) => (stored === "night" ? "dark" : stored)
 *   })
 * }) {}
 *
 * @since 3.0.0
 * @category fields
 */
export const field = <
  A,
  I,
  const O extends {
    readonly default?: (() => A) | undefined
    readonly migrate?: ((stored: unknown) => unknown) | undefined
  }
>(
  schema: Schema.Codec<A, I>,
  options: O
): Field<A, I, O["default"] extends () => unknown ? true : false> => ({
  [FieldTypeId]: (options.default !== undefined) as O["default"] extends () => unknown ? true : false,
  schema,
  default: options.default,
  migrate: options.migrate
})

/**
 * The options of a sign-in.
 *
 * @since 3.0.0
 * @category models
 */
export interface SignInOptions {
  /**
   * Whether the session outlives the browser, with the lifetimes of the option `remember`. Default: as when the same
   * person signed in to this session before, or else false.
   */
  readonly remember?: boolean | undefined
}

/**
 * A session, as a handler sees it through one store.
 *
 * Nothing is read before the first use, and nothing is stored before the first write. Changes are logged and saved
 * once, before the response's headers leave, on top of the changes that other requests saved meanwhile, so that none is
 * lost. Operations that read fail with `Unavailable` if the backend is down. Changes fail with `HeadersSent` after the
 * response was made, and with `InvalidValue` if a value does not satisfy the field's Schema or cannot be stored.
 *
 * Values are copied on their way in and out: changing an object that was given to `set`, or that `get` returned, does
 * not change the session.
 *
 * @since 3.0.0
 * @category models
 */
export interface Session<F extends Fields> {
  /** Reads the field's value, or its default or `None` if it has no value. */
  readonly get: <K extends keyof F & string>(key: K) => Effect.Effect<Got<F[K]>, SessionError>
  /** Sets a field. Fails with `InvalidValue`, before anything is changed, if the value cannot be stored. */
  readonly set: <K extends keyof F & string>(key: K, value: Value<F[K]>) => Effect.Effect<void, SessionError>
  /** Deletes a field. */
  readonly delete: <K extends keyof F & string>(key: K) => Effect.Effect<void, SessionError>
  /**
   * Changes a field with a function, and returns the new value as this request sees it. The function must be pure: if
   * another request saved in between, it runs again on the value that is stored then, so that all updates count. If it
   * throws, the call dies with that defect and nothing is changed; if it throws only when it runs again, saving fails
   * with `InvalidValue`.
   */
  readonly update: <K extends keyof F & string>(
    key: K,
    f: (current: Got<F[K]>) => Value<F[K]>
  ) => Effect.Effect<Value<F[K]>, SessionError>
  /**
   * Changes a field like `update`, and saves at once, with all other changes so far. Returns the value that was stored,
   * which no other request got. Fails with `Unsupported` on sealed cookies, which cannot guarantee that.
   */
  readonly updateAndSave: <K extends keyof F & string>(
    key: K,
    f: (current: Got<F[K]>) => Value<F[K]>
  ) => Effect.Effect<Value<F[K]>, SessionError>
  /**
   * Reads a field and deletes it, so that later requests no longer see it. It suits values to show, such as a notice
   * after a redirect: requests that run at the same time may each get it. A request that a browser makes ahead of its
   * user (`Sec-Purpose: prefetch`) reads it only, since what it gets may never be shown. Use `takeAndSave` for a value
   * that may be used only once.
   */
  readonly take: <K extends keyof F & string>(key: K) => Effect.Effect<Option.Option<Value<F[K]>>, SessionError>
  /**
   * Reads a field, deletes it and saves at once, with all other changes so far. Exactly one of any number of requests
   * gets the value, and the others get `None`: for one-time codes, nonces and coupons. Without a value nothing is
   * saved. If it fails, this request must not use the value, and the value may be gone. Fails with `Unsupported` on
   * sealed cookies, because a client can keep a copy of them.
   */
  readonly takeAndSave: <K extends keyof F & string>(key: K) => Effect.Effect<Option.Option<Value<F[K]>>, SessionError>
  /** Deletes all fields of this store. Other stores of the session keep theirs; `destroy` ends the session. */
  readonly flush: Effect.Effect<void, SessionError>
  /**
   * The session's id, which is the new one after `regenerate`. A session that has not been stored yet is given its id
   * the first time you ask for it.
   */
  readonly id: Effect.Effect<SessionId, SessionError>
  /** Whether no session is stored yet for this visitor. */
  readonly isNew: Effect.Effect<boolean, SessionError>
  /**
   * Gives the session a new id and ends the old one, keeping the data; both lifetimes start anew. Call it when a user
   * gains rights (OWASP Session Management: renew the session id after any privilege level change); `signIn` does it
   * too.
   */
  readonly regenerate: Effect.Effect<void, SessionError>
  /**
   * Signs somebody in: notes who and when, gives the session a new id and ends the old one; both lifetimes start anew,
   * and the session is in the list of this person's sessions before the client is told its id. A visitor's data are
   * kept; if somebody else was signed in, their data go. `principal` is whatever names the person for good, such as a
   * user's id.
   *
   * Fails with `InvalidValue` if it is empty or longer than 1,024 characters, and with `Unsupported` where the session
   * has no room for it, as in beego's layouts. With `principals: { whenExceeded: "refuse" }` it can fail with
   * `TooManySessions` when it is saved, and then this request's unsaved changes are dropped: call `save` to know at once.
   */
  readonly signIn: (principal: string, options?: SignInOptions) => Effect.Effect<void, SessionError>
  /** Who has signed in, if anybody has. */
  readonly principal: Effect.Effect<Option.Option<string>, SessionError>
  /**
   * Fails with `SignInNeeded`, which responds with 401, if nobody has signed in here within this time: before something
   * that another person at the same screen must not do (OWASP ASVS 7.5.1).
   */
  readonly requireFresh: (within: Duration.Input) => Effect.Effect<void, SessionError>
  /**
   * Ends the session like `destroy`, for a user who signs out: the response can also clear what the browser has stored
   * for the site (`clearSiteData`).
   */
  readonly signOut: Effect.Effect<void, SessionError>
  /** Ends the session. A write after it in the same request begins a new one. */
  readonly destroy: Effect.Effect<void, SessionError>
  /** Saves the changes so far at once, and keeps them even if the request fails. */
  readonly save: Effect.Effect<void, SessionError>
  /**
   * Lets this request not count as use of the session: reading does not renew its idle lifetime. For requests that a page
   * makes by itself, such as polls, with which a session that nobody uses would never end. A change still renews it.
   */
  readonly keepIdle: Effect.Effect<void>
  /** Renews the idle lifetime with this request, without waiting for `touchEvery`. */
  readonly touch: Effect.Effect<void, SessionError>
}

/**
 * A store's Tag: a service whose value is the current request's {@link Session}.
 *
 * @since 3.0.0
 * @category models
 */
export interface TagClass<Self, Id extends string, F extends Fields>
  extends Context.ServiceClass<Self, Id, Session<F>> {
  readonly fields: F
}

/**
 * Any store's Tag.
 *
 * @since 3.0.0
 * @category models
 */
export type Any = Context.Service<any, any> & { readonly key: string; readonly fields: Fields }

/**
 * The fields of a store's Tag.
 *
 * @since 3.0.0
 * @category models
 */
export type FieldsOf<S extends Any> = S["fields"]

/**
 * Declares a store. Several stores can share one session: a library can declare its own, and their fields do not
 * collide, because a field is kept under the names of its store and itself.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
 *   userId: Schema.String,
 *   visits: SessionStore.field(Schema.Natural, { default: () => 0 })
 * }) {}
 *
 * const visit = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))
 *
 * @since 3.0.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <const Id extends string, const F extends Fields>(id: Id, fields: F): TagClass<Self, Id, F> =>
    Object.assign(Context.Service<Self, Session<F>>()(id), { fields })

/** @internal */
export const toField = (declared: Fields[string]): Field<any, any, boolean> =>
  Schema.isSchema(declared)
    ? { [FieldTypeId]: false, schema: declared as Schema.Codec<any, any>, default: undefined, migrate: undefined }
    : declared

/**
 * Makes a session id from its text, for a job or a test. The id is not checked before it is used.
 *
 * @example
 * import { SessionManager, SessionStore } from "effect-session"
 *
 * const signOut = (id: string) => SessionManager.destroy(SessionStore.sessionId(id))
 *
 * @since 3.0.0
 * @category constructors
 */
export const sessionId = (id: string): SessionId => Redacted.make(id) as SessionId
