/**
 * beego's `cookie` provider: the whole session in one cookie, in beego's seal. As in beego, nothing can be taken back: who has a copy
 * of a cookie can use it until `maxLifetime` after it was sealed, whatever was changed or ended since.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { SessionError, tooLarge } from "../../SessionError.js"
import { split } from "../cookie/clientCookie.js"
import * as Provider from "../Provider.js"
import { sha1 } from "./beegoProvider.js"
import { checkMaxLifetime, inSeconds } from "./lastWrite.js"
import * as Seal from "./seal.js"

export interface Options {
  /** The key of the HMAC. beego takes an empty one; here it is refused. */
  readonly securityKey: Redacted.Redacted
  /** The AES key: 16, 24 or 32 bytes. beego makes one of its own at each start where it is left out. */
  readonly blockKey: Redacted.Redacted
  /** What the HMAC covers besides. */
  readonly securityName: string
  /** The cookie's name, which takes of its room. */
  readonly cookieName: string
  /** beego's `Maxlifetime`: how long a session lives after it was sealed. */
  readonly maxLifetime: Duration.DurationInput
}

/**
 * The most characters of a cookie's value, so that name, value and attributes together are 4,096 at most (RFC 6265, 6.1) with `Path=/`
 * and all other attributes at their longest: beego reads one cookie, so the session must fit into one.
 */
const roomBeside = (cookieName: string): number => 3_700 - cookieName.length

const command = (bytes: number) => `node -e "console.log(require('node:crypto').randomBytes(${bytes}).toString('hex'))"`

const check = (options: Options): Effect.Effect<Seal.Keys, SessionError> => {
  const invalid = (message: string) =>
    new SessionError({ reason: "InvalidConfig", message: `cookie: ${message}: the Go app needs the same` })
  const securityKey = Redacted.value(options.securityKey)
  const blockKey = Redacted.value(options.blockKey)
  const { securityName } = options
  return securityKey === ""
    ? invalid(`securityKey: it is empty, so that anyone could make sessions; make one by ${command(32)}`)
    : blockKey === ""
      ? invalid(`blockKey: it is missing; make one by ${command(16)}`)
      : ![16, 24, 32].includes(Buffer.byteLength(blockKey))
        ? invalid(`blockKey: expected 16, 24 or 32 bytes; make one by ${command(16)}`)
        : securityName === ""
          ? invalid("securityName: it is missing; any name will do")
          : Effect.succeed({ securityKey, blockKey, securityName })
}

/** Fails with `InvalidConfig` where an option is wrong. */
export const make = (options: Options): Effect.Effect<Provider.Provider, SessionError> =>
  Effect.map(Effect.all([check(options), checkMaxLifetime(options.maxLifetime)]), ([keys, maxLifetime]) => {
    const { expired, expiresAt, store } = inSeconds(maxLifetime)
    const sealer = Seal.makeSealer(keys)
    const maxPayload = Seal.payloadIn(roomBeside(options.cookieName))

    /** What a cookie, `name=value`, holds, if it holds a session that has not expired. */
    const opened = (cookie: Provider.StoredId): Effect.Effect<Provider.Stored | undefined> =>
      Effect.clockWith((clock) => {
        const now = clock.unsafeCurrentTimeMillis()
        const sealed = sealer.open(split(cookie)[1])
        // beego refuses what was sealed in the future, too.
        return Effect.succeed(
          sealed === undefined || sealed.sealedAt <= expired(now) || sealed.sealedAt > now / 1000
            ? undefined
            : { payload: sealed.payload, revision: sha1(sealed.payload), expiresAt: expiresAt(sealed.sealedAt) }
        )
      })

    const whenLive = <A>(
      cookie: Provider.StoredId,
      f: (stored: Provider.Stored) => Effect.Effect<A, SessionError>
    ): Effect.Effect<A | Provider.Gone, SessionError> =>
      Effect.flatMap(
        opened(cookie),
        (stored): Effect.Effect<A | Provider.Gone, SessionError> =>
          stored === undefined ? Effect.succeed(Provider.gone) : f(stored)
      )

    /** Seals a payload for a lifetime from now on, but never for longer than `maxLifetime`. */
    const sealed = <A>(
      payload: Uint8Array,
      ttl: Duration.Duration,
      result: (id: string, expiresAt: number) => A
    ): Effect.Effect<A, SessionError> =>
      payload.length > maxPayload
        ? Effect.fail(tooLarge("cookie", payload.length, maxPayload))
        : Effect.clockWith((clock) => {
            const now = clock.unsafeCurrentTimeMillis()
            const sealedAt = Math.min(store(now, ttl), Math.floor(now / 1000))
            return Effect.succeed(result(sealer.seal({ payload, sealedAt }), expiresAt(sealedAt)))
          })

    const written = (payload: Uint8Array, ttl: Duration.Duration) =>
      sealed(
        payload,
        ttl,
        (id, expiresAt): Provider.Written => ({
          _tag: "Written",
          revision: sha1(payload),
          expiresAt,
          id
        })
      )

    return {
      name: "cookie",
      capabilities: {
        ...Provider.defaultCapabilities,
        consistency: "lastWriteWins",
        regenerate: "ordered",
        heldBy: "client",
        revocable: false,
        inProcess: true,
        maxPayload,
        expirySlack: 1000
      },
      read: (cookie) => Effect.map(opened(cookie), Option.fromNullable),
      create: (_, payload, ttl) => written(payload, ttl),
      write: (cookie, payload, ttl) => whenLive(cookie, () => written(payload, ttl)),
      touch: (cookie, ttl) =>
        whenLive(cookie, ({ payload }) =>
          sealed(payload, ttl, (id, expiresAt): Provider.Touched => ({ _tag: "Touched", expiresAt, id }))
        ),
      exists: (cookie) => Effect.map(opened(cookie), (stored) => stored !== undefined),
      destroy: () => Effect.void,
      regenerate: (oldCookie, _, payload, ttl) => whenLive(oldCookie, () => written(payload, ttl))
    }
  })

/** A layer of {@link make}. */
export const layer = (options: Options): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, make(options))
