/**
 * Sessions without a backend: the whole session is sealed in cookies, which the browser keeps and sends back.
 * `docs/providers/cookie.md` explains the benefits and the limits.
 *
 * @since 3.0.0
 */

import { millisOf } from "#dialect/clock"
import { mapOrError, missing } from "#dialect/config"
import * as Config from "#effect/Config"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Record from "#effect/Record"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import type * as Scope from "#effect/Scope"
import { SessionError, tooLarge } from "../SessionError.js"
import { recordedIn, remembered } from "./cookie/endings.js"
import { type Endings, SealedSessions, type Sealing } from "./cookie/SealedSessions.js"
import { makeSealer, payloadIn, type Sealer } from "./cookie/sealer.js"
import { ciphers } from "./internal/ciphers.js"
import * as Environment from "./internal/environment.js"
import { advice, makeKeyRing } from "./internal/keyRing.js"
import { checked, type Names } from "./internal/options.js"
import { type Provider, SessionProvider } from "./Provider.js"

export {
  /**
   * @since 3.0.0
   * @category tags
   */
  SealedSessions,
  /**
   * @since 3.0.0
   * @category models
   */
  type Sealing
} from "./cookie/SealedSessions.js"

/**
 * The options of sealed cookies.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options<Revocations = Provider> {
  /**
   * The keys, each of at least 32 random bytes: encoded as base64, base64url or hex, or the bytes themselves. New
   * cookies are sealed with the first key; all keys can open existing ones. To rotate, put a new key in front, and drop
   * the old one when its last session has expired.
   */
  readonly keys: ReadonlyArray<Redacted.Redacted<string | Uint8Array>>
  /**
   * The cipher. The default, `aes-256-gcm`, is Node's own. `xchacha20-poly1305` needs the package `sodium-native`,
   * takes half the time, and has no limit on the number of seals per key. It opens cookies that the default has sealed,
   * but not the other way round.
   */
  readonly cipher?: "aes-256-gcm" | "xchacha20-poly1305" | undefined
  /**
   * The provider that records ended sessions, so that signing out is final. Costs one call for each session read. It
   * must not evict, as memory with `maxSessions` does. Without it (the default), anyone who kept a copy of an ended
   * session's cookies can use them until they expire.
   */
  readonly revocations?: Revocations | undefined
  /**
   * Whether to deflate a session if that makes it smaller. Default false: if an attacker can put text into a session
   * and see how long its cookies are, compression lets them guess a secret in the same session (the CRIME attack).
   */
  readonly compress?: boolean | undefined
  /**
   * The longest sealed session, in characters over all of its cookies: from 1,024 to 61,440. Default 14,336, because
   * Node responds with 431 to a request with more than 16 KiB of headers, and a browser with such cookies cannot use
   * the site until they expire.
   */
  readonly maxSize?: number | undefined
}

/** The largest payload, in bytes before compression, if sessions are compressed. */
const maxInflated = 64 * 1024

/**
 * Makes a service that seals sessions in cookies and opens the seals. Fails with `InvalidConfig` if an option is wrong
 * or a key is weak.
 *
 * @example
 * import { Config, Effect } from "effect"
 * import * as Cookie from "effect-session/cookie"
 *
 * const sealing = Effect.flatMap(Config.Redacted("COOKIE_KEY"), (key) => Cookie.make({ keys: [key] }))
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Sealing, SessionError> =>
  Effect.map(
    Effect.all({
      ciphers: ciphersOf(options),
      keys: makeKeyRing(options.keys, "cookie"),
      limits: limitsOf(options),
      endings: endingsOf(options)
    }),
    ({ ciphers, endings, keys, limits }): Sealing => ({
      name: "cookie",
      maxPayload: limits.maxPayload,
      ...sealedBy(makeSealer(ciphers, keys, limits), limits),
      ...endings
    })
  )

const endingsOf = ({ revocations }: Options): Effect.Effect<Endings, SessionError> =>
  revocations === undefined
    ? Effect.succeed(remembered())
    : revocations.capabilities.evicts
      ? invalid(
          `revocations: ${revocations.name} evicts what it holds if there is too much, and an evicted revocation undoes a sign-out: ${revocations.capabilities.inProcess ? "leave maxSessions out, or " : ""}use a backend that does not evict`
        )
      : Effect.succeed(recordedIn(revocations))

const sealedBy = (sealer: Sealer, { maxPayload, maxSeal }: Limits): Pick<Sealing, "seal" | "unseal"> => ({
  unseal: (name, value) =>
    Effect.clockWith((clock) => {
      const sealed = sealer.open(name, value)
      return Effect.succeed(sealed !== undefined && millisOf(clock) < sealed.expiresAt ? sealed : undefined)
    }),
  seal: (name, { createdAt, id, payload, writes }, ttl) =>
    Effect.clockWith((clock) => {
      if (payload.length > maxPayload) {
        return Effect.fail(tooLarge("cookie", payload.length, maxPayload))
      }
      const now = millisOf(clock)
      const lifetime = Duration.toMillis(ttl)
      const sealed = { id, createdAt: createdAt ?? now, expiresAt: now + lifetime, lifetime, writes, payload }
      const value = sealer.seal(name, sealed)
      return value.length > maxSeal
        ? Effect.fail(tooLarge("cookie", value.length, maxSeal))
        : Effect.succeed({ value, sealed })
    })
})

const invalid = (message: string) =>
  Effect.fail(new SessionError({ reason: "InvalidConfig", message: `cookie: ${message}` }))

const cipherNames = Record.keys(ciphers)

const ciphersOf = ({ cipher = "aes-256-gcm" }: Options) =>
  Object.hasOwn(ciphers, cipher) ? ciphers[cipher] : invalid(`cipher: expected ${cipherNames.join(" or ")}`)

/** The limits of sealing and opening. */
interface Limits {
  readonly compress: boolean
  readonly maxPayload: number
  readonly maxSeal: number
}

const limitsOf = ({ compress = false, maxSize = 14 * 1024 }: Options): Effect.Effect<Limits, SessionError> => {
  if (!Number.isInteger(maxSize) || maxSize < 1024 || maxSize > 60 * 1024) {
    return invalid("maxSize: expected a whole number from 1,024 to 61,440")
  }
  const maxPayload = compress ? Math.max(maxInflated, payloadIn(maxSize)) : payloadIn(maxSize)
  return Effect.succeed({ compress, maxPayload, maxSeal: maxSize })
}

const names: Names<Options> = {
  keys: "required",
  cipher: "optional",
  revocations: "optional",
  compress: "optional",
  maxSize: "optional"
}

/**
 * Provides sealed cookies to the session manager; `revocations` is a layer too. Fails with `InvalidConfig` if an option
 * is wrong.
 *
 * @example
 * import { Config, Effect, Layer } from "effect"
 * import { SessionLayer } from "effect-session"
 * import * as Cookie from "effect-session/cookie"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = Layer.unwrap(
 *   Effect.map(Config.Redacted("COOKIE_KEY"), (key) =>
 *     SessionLayer.make(Cookie.layer({ keys: [key], revocations: Memory.layer() }), { idleTimeout: "30 minutes" })
 *   )
 * )
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = <E = never, R = never>({
  revocations,
  ...options
}: Options<Layer.Layer<SessionProvider, E, R>>): Layer.Layer<SealedSessions, E | SessionError, R> =>
  Layer.effect(
    SealedSessions,
    checked<Options, Sealing, E | SessionError, R | Scope.Scope>(names, options, (options) =>
      revocations === undefined
        ? make(options)
        : Effect.flatMap(Layer.build(revocations), (context) =>
            make({ ...options, revocations: Context.get(context, SessionProvider) })
          )
    )
  )

/**
 * Provides sealed cookies with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Cookie from "effect-session/cookie"
 * import * as Memory from "effect-session/memory"
 *
 * const key = Config.Redacted("SEAL_KEY")
 * const Sessions = Cookie.layerConfig({ keys: Config.map(key, (key) => [key]) }, Memory.layer())
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig = <E = never, R = never>(
  options: Config.Wrap<Omit<Options, "revocations">>,
  revocations?: Layer.Layer<SessionProvider, E, R>
): Layer.Layer<SealedSessions, E | SessionError | Config.ConfigError, R> =>
  Environment.configured((options: Omit<Options, "revocations">) => layer({ ...options, revocations }))(options)

const keysFromEnv = mapOrError(
  Config.option(Config.map(Config.NonEmptyString(Environment.variables.keys), Redacted.make<string>)),
  Option.match({
    onNone: () =>
      Result.fail(
        missing(Environment.variables.keys, `it is not set: it is a key, or several with commas between; ${advice}`)
      ),
    onSome: (keys) =>
      Result.succeed(
        Redacted.value(keys)
          .split(",")
          .map((key) => Redacted.make(key))
      )
  })
)

/**
 * Provides sealed cookies with options from the environment: `SESSION_KEYS` (separated by commas) and `SESSION_CIPHER`.
 * `revocations` is the provider that records ended sessions.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Cookie from "effect-session/cookie"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Cookie.layerFromEnv(Memory.layer()), { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = <E = never, R = never>(
  revocations?: Layer.Layer<SessionProvider, E, R>
): Layer.Layer<SealedSessions, E | SessionError | Config.ConfigError, R> =>
  layerConfig(
    {
      keys: keysFromEnv,
      cipher: Environment.optional(Config.Literals(cipherNames, Environment.variables.cipher))
    },
    revocations
  )
