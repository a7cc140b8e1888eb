/**
 * Sessions without a store: the whole session is sealed in cookies, which the browser keeps and sends back. `docs/providers/cookie.md`
 * tells what that can do, and what it cannot.
 *
 * @since 0.1.0
 */
import { hash } from "node:crypto"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import { SessionError, tooLarge } from "../SessionError.js"
import { ciphers } from "./cookie/ciphers.js"
import { split } from "./cookie/clientCookie.js"
import { makeKeyRing } from "./cookie/keyRing.js"
import { type Content, makeSealer, payloadIn } from "./cookie/sealer.js"
import * as Provider from "./Provider.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Revocations = Provider.Provider> {
  /**
   * Each the base64, base64url or hex of at least 32 random bytes. The first seals, all open: put a new one in front to rotate, and
   * drop the old one when its last session has expired.
   */
  readonly keys: ReadonlyArray<Redacted.Redacted<string>>
  /**
   * What seals sessions. Default `aes-256-gcm`, by `node:crypto`. `xchacha20-poly1305` is by libsodium: it needs `sodium-native`, takes
   * half the time, and a key may seal as often as it likes. It opens what the default has sealed, but not the other way round.
   */
  readonly cipher?: "aes-256-gcm" | "xchacha20-poly1305" | undefined
  /**
   * Where the ids of ended sessions are kept until the last copy of them has expired, so that signing out is final: any provider
   * that keeps its sessions on a server. One call to it for each read. Default none: who has a copy of the cookies of an ended
   * session can use them until they expire.
   */
  readonly revocations?: Revocations | undefined
  /** Sessions that began earlier are over: signs out everyone. Default none. */
  readonly validFrom?: DateTime.DateTime.Input | undefined
  /**
   * Whether to deflate a session where that makes it smaller. Default false: the length of what is sent then tells something of the
   * content, which who can put text of their own beside a secret can use to find it out (the CRIME attack).
   */
  readonly compress?: boolean | undefined
  /**
   * The most characters of sealed session, over all cookies. Default 14,336: Node answers 431 to a request with more than
   * 16 KiB of headers, and who has such cookies is locked out.
   */
  readonly maxSize?: number | undefined
}

/** What is to be sealed: a session that is there already with its beginning. */
type Session = Pick<Content, "id" | "payload" | "writes"> & Partial<Pick<Content, "createdAt">>

/** The most that a compressible session may take before it is compressed. */
const maxInflated = 64 * 1024

/**
 * Fails with `InvalidConfig` where an option is wrong, a weak key among them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Provider.Provider, SessionError> =>
  Effect.map(Effect.all(parts(options)), ({ checked, ciphers, keys }) => {
    const { maxSeal, revocations, validFrom } = checked
    const compress = options.compress === true
    const maxPayload = compress ? Math.max(maxInflated, payloadIn(maxSeal)) : payloadIn(maxSeal)
    const sealer = makeSealer(ciphers, keys, { compress, maxPayload, maxSeal })

    /** What a cookie, `name=value`, holds, if it holds a session that has not expired. */
    const opened = (cookie: Provider.StoredId): Effect.Effect<Content | undefined> =>
      Effect.clockWith((clock) => {
        const [name, value] = split(cookie)
        const content = sealer.open(name, value)
        return Effect.succeed(
          content !== undefined && clock.unsafeCurrentTimeMillis() < content.expiresAt && content.createdAt >= validFrom
            ? content
            : undefined
        )
      })

    /** As {@link opened}, if it was not ended either. */
    const live = (cookie: Provider.StoredId): Effect.Effect<Content | undefined, SessionError> =>
      revocations === undefined
        ? opened(cookie)
        : Effect.flatMap(opened(cookie), (content) =>
            content === undefined
              ? Effect.succeed(content)
              : Effect.map(revocations.exists(revocationId(content)), (isRevoked) => (isRevoked ? undefined : content))
          )

    const whenLive = <A>(
      cookie: Provider.StoredId,
      f: (content: Content) => Effect.Effect<A, SessionError>
    ): Effect.Effect<A | Provider.Gone, SessionError> =>
      Effect.flatMap(
        live(cookie),
        (content): Effect.Effect<A | Provider.Gone, SessionError> =>
          content === undefined ? Effect.succeed(Provider.gone) : f(content)
      )

    /** Seals a session for a lifetime from now on, into a value for a cookie of this name. */
    const sealed = <A>(
      name: string,
      session: Session,
      ttl: Duration.Duration,
      result: (id: string, expiresAt: number) => A
    ): Effect.Effect<A, SessionError> =>
      Effect.clockWith((clock) => {
        const { createdAt, id, payload, writes } = session
        if (payload.length > maxPayload) {
          return Effect.fail(tooLarge("cookie", payload.length, maxPayload))
        }
        const now = clock.unsafeCurrentTimeMillis()
        const lifetime = Duration.toMillis(ttl)
        const expiresAt = now + lifetime
        const value = sealer.seal(name, { id, createdAt: createdAt ?? now, expiresAt, lifetime, writes, payload })
        return value.length > maxSeal
          ? Effect.fail(tooLarge("cookie", value.length, maxSeal))
          : Effect.succeed(result(value, expiresAt))
      })

    const written = (name: string, session: Session, ttl: Duration.Duration) =>
      sealed(
        name,
        session,
        ttl,
        (id, expiresAt): Provider.Written => ({ _tag: "Written", revision: revisionOf(session), expiresAt, id })
      )

    /**
     * Ends a session for everyone; whether it was this call that did. Any copy of it that is newer than `content` was sealed by now,
     * for no longer a lifetime, so that all will have expired when the revocation does.
     */
    const revoke = (content: Content): Effect.Effect<boolean, SessionError> =>
      revocations === undefined
        ? Effect.succeed(true)
        : Effect.map(
            revocations.create(revocationId(content), new Uint8Array(0), Duration.millis(content.lifetime)),
            (result) => result._tag === "Written"
          )

    return {
      name: "cookie",
      capabilities: {
        consistency: "lastWriteWins",
        regenerate: "ordered",
        heldBy: "client",
        revocable: revocations !== undefined,
        durable: true,
        inProcess: revocations?.capabilities.inProcess ?? true,
        answersWithin: revocations?.capabilities.answersWithin ?? Number.POSITIVE_INFINITY,
        maxPayload,
        expirySlack: 0,
        inheritedIdChars: 0
      },
      read: (cookie) => Effect.map(live(cookie), (content) => Option.map(Option.fromNullable(content), toStored)),
      create: (cookie, payload, ttl) => {
        const [name, id] = split(cookie)
        return written(name, { id, payload, writes: 0 }, ttl)
      },
      write: (cookie, payload, ttl) =>
        whenLive(cookie, (content) =>
          written(split(cookie)[0], { ...content, payload, writes: content.writes + 1 }, ttl)
        ),
      touch: (cookie, ttl) =>
        whenLive(cookie, (content) =>
          sealed(
            split(cookie)[0],
            content,
            ttl,
            (id, expiresAt): Provider.Touched => ({ _tag: "Touched", expiresAt, id })
          )
        ),
      exists: (cookie) => Effect.map(live(cookie), (content) => content !== undefined),
      destroy: (cookie) =>
        Effect.flatMap(opened(cookie), (content) => (content === undefined ? Effect.void : revoke(content))),
      regenerate: (oldCookie, newCookie, payload, ttl) =>
        whenLive(oldCookie, (content) => {
          const [name, id] = split(newCookie)
          // Sealed before the old one is ended: what does not fit must cost nothing.
          return Effect.flatMap(written(name, { id, payload, writes: 0 }, ttl), (result) =>
            Effect.map(revoke(content), (isFirst) => (isFirst ? result : Provider.gone))
          )
        }),
      gc: revocations?.gc
    }
  })

const invalid = (message: string) =>
  Effect.fail(new SessionError({ reason: "InvalidConfig", message: `cookie: ${message}` }))

const parts = ({ cipher = "aes-256-gcm", ...options }: Options) => ({
  keys: makeKeyRing(options.keys),
  ciphers: Object.hasOwn(ciphers, cipher) ? ciphers[cipher] : invalid(`cipher: expected ${cipherNames.join(" or ")}`),
  checked: check(options)
})

const cipherNames = Record.keys(ciphers)

const check = ({ maxSize: maxSeal = 14 * 1024, revocations, validFrom }: Options) => {
  const from = validFrom === undefined ? Option.some(undefined) : DateTime.make(validFrom)
  return Option.isNone(from)
    ? invalid("validFrom: expected a date, such as 2030-01-31T12:00:00Z")
    : !Number.isInteger(maxSeal) || maxSeal < 1024 || maxSeal > 60 * 1024
      ? invalid("maxSize: expected a whole number from 1,024 to 61,440")
      : revocations?.capabilities.heldBy === "client"
        ? invalid("revocations: expected a provider that keeps its sessions on a server")
        : Effect.succeed({ maxSeal, revocations, validFrom: from.value?.epochMillis ?? Number.NEGATIVE_INFINITY })
}

const revisionOf = ({ writes }: Pick<Content, "writes">) => String(writes) as Provider.Revision

const toStored = (content: Content): Provider.Stored => ({
  id: content.id,
  payload: content.payload,
  expiresAt: content.expiresAt,
  revision: revisionOf(content)
})

const revocationId = ({ id }: Content): Provider.StoredId => hash("sha256", id, "base64url") as Provider.StoredId

/**
 * A layer of {@link make}, with `revocations` as a layer too.
 *
 * @example
 * import { Config, Effect, Layer } from "effect"
 * import { SessionLayer } from "effect-session"
 * import * as Cookie from "effect-session/cookie"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = Layer.unwrapEffect(
 *   Effect.map(Config.redacted("SESSION_KEY"), (key) =>
 *     SessionLayer.make(Cookie.layer({ keys: [key], revocations: Memory.layer() }), { idleTimeout: "30 minutes" })
 *   )
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E = never, R = never>({
  revocations,
  ...options
}: Options<Layer.Layer<Provider.SessionProvider, E, R>>): Layer.Layer<Provider.SessionProvider, E | SessionError, R> =>
  Layer.scoped(
    Provider.SessionProvider,
    revocations === undefined
      ? make(options)
      : Effect.flatMap(Layer.build(revocations), (context) =>
          make({ ...options, revocations: Context.get(context, Provider.SessionProvider) })
        )
  )

/**
 * {@link layer} with its options from the environment: `SESSION_KEYS` (separated by commas), `SESSION_CIPHER`, `SESSION_VALID_FROM`.
 * `revocations` is what `SESSION_REVOCATIONS` names.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  revocations?: Layer.Layer<Provider.SessionProvider, SessionError | ConfigError.ConfigError>
): Layer.Layer<Provider.SessionProvider, SessionError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(
      Config.all({
        keys: Config.map(Config.redacted("SESSION_KEYS"), (keys) =>
          Redacted.value(keys)
            .split(",")
            .map((key) => Redacted.make(key))
        ),
        cipher: Config.map(Config.option(Config.literal(...cipherNames)("SESSION_CIPHER")), Option.getOrUndefined),
        validFrom: Config.map(Config.option(Config.string("SESSION_VALID_FROM")), Option.getOrUndefined)
      }),
      (options) => layer({ ...options, revocations })
    )
  )
