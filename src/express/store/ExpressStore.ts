/**
 * The store that express-session and @fastify/session are given.
 */
import { Store } from "express-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Stream from "#effect/Stream"
import { ended } from "../../Manager/marks.js"
import { type Provider, SessionProvider, type StoredId } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import { Backend, type Callback } from "./backend.js"
import { type Options, settingsOf } from "./options.js"
import { type Base, Sessions } from "./saving.js"
import { type Document, type Values, valuesOf } from "./values.js"

/**
 * A store of express-session and @fastify/session. Its errors are `SessionError`s. Each callback is called once, and never
 * before the call has returned. Sessions have no type here, since express and fastify have one each.
 *
 * @since 3.0.0
 * @category models
 */
export interface ExpressStore extends Store {
  /** Reads a session: null if there is none, or if it has expired. */
  get(sid: string, callback: (error: any, session?: any) => void): void
  /**
   * Saves a session. Of one that was read, only the values that its request has changed are written, onto those that are
   * stored now; if it has ended meanwhile, nothing is stored, and that is no error. A session that was not read is stored
   * as it is, unless it has ended a moment ago. One whose lifetime is over ends.
   */
  set(sid: string, session: object, callback?: (error?: any) => void): void
  /** Renews the lifetime of a session, and nothing else. */
  touch(sid: string, session: object, callback?: (error?: any) => void): void
  /** Ends a session. */
  destroy(sid: string, callback?: (error?: any) => void): void
  /**
   * Reads all sessions, each with its `id` if ids are not hashed. Fails with `Unsupported` if the backend cannot list
   * them, as `clear` does, and `length` if it cannot count them.
   */
  all(callback: (error: any, sessions?: Array<any>) => void): void
  /** Counts the sessions. */
  length(callback: (error: any, length?: number) => void): void
  /** Ends all sessions. */
  clear(callback?: (error?: any) => void): void
  /**
   * Waits for the calls under way, but no longer than `timeout`; then stops removing expired sessions, and closes the
   * connections of a provider that was given as a layer. Calls after it fail with `Unavailable`.
   */
  close(): Promise<void>
}

/** How many sessions `all` and `clear` ask for at once. */
const concurrency = 16

const unsupported = ({ name }: Provider, operation: string) =>
  new SessionError({ reason: "Unsupported", message: `${name}: ${operation}: this backend cannot list sessions` })

const badId = () =>
  new SessionError({
    reason: "InvalidValue",
    message: "genid: expected ids of up to 255 visible ASCII characters, without spaces"
  })

/** Whether a session says itself that nothing in it was changed, as fastify's do. */
const isUnmodified = (session: object): boolean =>
  "isModified" in session && typeof session.isModified === "function" && session.isModified() === false

class StoreOnProvider extends Store implements ExpressStore {
  private readonly backend: Backend<Sessions>
  /**
   * What the session objects of requests were made of. Most requests change nothing, so that it is worked out only when it
   * is needed.
   */
  private readonly bases = new WeakMap<object, () => Base>()

  constructor(layer: Layer.Layer<SessionProvider, unknown>, options: Options) {
    super()
    const settings = settingsOf(options)
    this.backend = new Backend(layer, settings, (provider) => new Sessions(provider, settings))
  }

  override get(sid: string, callback: (error: any, session?: any) => void): void {
    this.backend.run((sessions) => {
      const ref = sessions.refOf(sid)
      return ref === undefined
        ? Effect.succeed(null)
        : Effect.map(sessions.read(ref), (found) => {
            if (found === undefined) {
              return null
            }
            this.bases.set(found.document, found.base)
            return found.document
          })
    }, callback)
  }

  override set(sid: string, session: object, callback?: (error?: any) => void): void {
    // Now, and not when its turn comes: a handler may go on with it.
    const values = valuesOf(session)
    const isUnchanged = isUnmodified(session)
    this.with(sid, values, callback, (sessions, ref, values) =>
      Effect.map(
        sessions.save(ref, () => {
          const base = this.bases.get(session)?.()
          return { ref, values, base: base?.ref === ref ? base : undefined, isUnchanged }
        }),
        (base) => {
          if (base !== undefined) {
            this.bases.set(session, () => base)
          }
        }
      )
    )
  }

  override touch(sid: string, session: object, callback?: (error?: any) => void): void {
    this.with(sid, valuesOf({ cookie: (session as Document).cookie }), callback, (sessions, ref, values) =>
      sessions.touch(ref, values)
    )
  }

  override destroy(sid: string, callback?: (error?: any) => void): void {
    this.backend.run((sessions) => {
      const ref = sessions.refOf(sid)
      return ref === undefined ? Effect.void : sessions.provider.destroy(ref, ended)
    }, callback)
  }

  override all(callback: (error: any, sessions?: Array<any>) => void): void {
    this.backend.run((sessions, alive) => {
      const { list } = sessions.provider
      return list === undefined
        ? Effect.fail(unsupported(sessions.provider, "all"))
        : list.pipe(
            Stream.mapEffect((ref) => Effect.tap(sessions.listed(ref), Effect.sync(alive)), { concurrency }),
            Stream.runCollect,
            Effect.map((documents) => Array.from(documents).filter((document) => document !== undefined))
          )
    }, callback)
  }

  override length(callback: (error: any, length?: number) => void): void {
    this.backend.run(({ provider }) => provider.count ?? Effect.fail(unsupported(provider, "length")), callback)
  }

  override clear(callback?: (error?: any) => void): void {
    this.backend.run(({ provider }, alive) => {
      const { destroy, list } = provider
      return list === undefined
        ? Effect.fail(unsupported(provider, "clear"))
        : list.pipe(
            Stream.mapEffect((ref) => Effect.tap(destroy(ref, ended), Effect.sync(alive)), { concurrency }),
            Stream.runDrain
          )
    }, callback)
  }

  /** Makes a session object as express does, and notes what it was made of. */
  override createSession(...args: Parameters<Store["createSession"]>): ReturnType<Store["createSession"]> {
    const base = this.bases.get(args[1])
    const session = super.createSession(...args)
    if (base !== undefined) {
      const names = Object.keys(session)
      const cookie = JSON.stringify(session.cookie)
      this.bases.set(session, () => {
        const { values, ...rest } = base()
        const shown = new Map<string, string>()
        for (const name of names) {
          const text = values.get(name)
          if (text !== undefined) {
            shown.set(name, text)
          }
        }
        return { ...rest, values, shown: shown.set("cookie", cookie) }
      })
    }
    return session
  }

  close(): Promise<void> {
    return this.backend.close()
  }

  private with(
    sid: string,
    values: Values | SessionError,
    callback: Callback<void> | undefined,
    call: (sessions: Sessions, ref: StoredId, values: Values) => Effect.Effect<void, SessionError>
  ): void {
    this.backend.run((sessions) => {
      const ref = sessions.refOf(sid)
      return values instanceof SessionError
        ? Effect.fail(values)
        : ref === undefined
          ? Effect.fail(badId())
          : call(sessions, ref, values)
    }, callback)
  }
}

/**
 * Makes a store for express-session 1.19 or @fastify/session 11 that keeps sessions on a provider, or on that of a layer, which
 * is built when the first session is asked for. While it cannot be built, each call fails with its error, and the next one tries
 * again. Needs `express-session`. Throws `InvalidConfig` if an option is wrong.
 *
 * A session is stored as JSON, as other stores of express keep it, under the hash of its id, so that `Express.layer` can share it:
 * with `id: { hashed: true }`, or with `hashed: false` here.
 *
 * @example
 * import * as ExpressStore from "effect-session/express-store"
 * import * as Redis from "effect-session/redis"
 *
 * const store = ExpressStore.make(Redis.layer({ url: "redis://127.0.0.1:6379" }), { ttl: "14 days" })
 *
 * // app.use(session({ store, secret, resave: false, saveUninitialized: false }))
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = <E>(provider: Provider | Layer.Layer<SessionProvider, E>, options: Options = {}): ExpressStore =>
  new StoreOnProvider("read" in provider ? Layer.succeed(SessionProvider, provider) : provider, options)
