/**
 * beego's `cookie` provider: the whole session in one cookie, in beego's seal. As in beego, nothing can be revoked:
 * anyone who kept a copy of a cookie can use it until `maxLifetime` after it was sealed, even if the session was
 * changed or ended since. The seal has no id, so each seal is a session with an id of its own.
 */
import { millisOf } from "#dialect/clock"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import { remembered } from "../../Provider/cookie/endings.js"
import { type Sealed, SealedSessions, type Sealing } from "../../Provider/cookie/SealedSessions.js"
import { SessionError, tooLarge } from "../../SessionError.js"
import { firstProblem } from "../firstProblem.js"
import { checkMaxLifetime, inSeconds } from "./lastWrite.js"
import * as Seal from "./seal.js"

export interface Options {
  /** The key of the HMAC. beego accepts an empty one; here it is refused. */
  readonly securityKey: Redacted.Redacted
  /** The AES key: 16, 24 or 32 bytes. Without it, beego makes one of its own at each start. */
  readonly blockKey: Redacted.Redacted
  /** The name that the HMAC covers too. */
  readonly securityName: string
  /** The cookie's name, which takes some of its room. */
  readonly cookieName: string
  /** beego's `Maxlifetime`: how long a session lives after it was sealed. */
  readonly maxLifetime: Duration.Input
}

/**
 * The longest value of a cookie, in characters, so that name, value and attributes together are at most 4,096 (RFC
 * 6265, 6.1) with `Path=/` and all other attributes at their longest. beego reads one cookie, so the session must fit
 * into one.
 */
const roomBeside = (cookieName: string): number => 3_700 - cookieName.length

const command = (bytes: number) => `node -e "console.log(require('node:crypto').randomBytes(${bytes}).toString('hex'))"`

const check = (options: Options): Effect.Effect<Seal.Keys, SessionError> => {
  const securityKey = Redacted.value(options.securityKey)
  const blockKey = Redacted.value(options.blockKey)
  const { securityName } = options
  const wrong = firstProblem([
    [securityKey === "", `securityKey: it is empty, so that anyone could make sessions; make one with ${command(32)}`],
    [blockKey === "", `blockKey: it is missing; make one with ${command(16)}`],
    [
      ![16, 24, 32].includes(Buffer.byteLength(blockKey)),
      `blockKey: expected 16, 24 or 32 bytes; make one with ${command(16)}`
    ],
    [securityName === "", "securityName: it is missing; any name will do"]
  ])
  return wrong === undefined
    ? Effect.succeed({ securityKey, blockKey, securityName })
    : new SessionError({ reason: "InvalidConfig", message: `cookie: ${wrong}: the Go app needs the same` })
}

/** Makes the service that seals sessions as beego does. Fails with `InvalidConfig` if an option is wrong. */
export const make = (options: Options): Effect.Effect<Sealing, SessionError> =>
  Effect.map(Effect.all([check(options), checkMaxLifetime(options.maxLifetime)]), ([keys, maxLifetime]) => {
    const maxPayload = Seal.payloadIn(roomBeside(options.cookieName))
    return {
      name: "cookie",
      maxPayload,
      ...sealedBy(Seal.makeSealer(keys), maxLifetime, maxPayload),
      ...remembered()
    }
  })

const sealedBy = (sealer: Seal.Sealer, maxLifetime: number, maxPayload: number): Pick<Sealing, "seal" | "unseal"> => {
  const { expired, expiresAt, store } = inSeconds(maxLifetime)

  const toSealed = (value: string, { payload, sealedAt }: Seal.Sealed): Sealed => ({
    id: Seal.nameOf(value),
    createdAt: sealedAt * 1000,
    expiresAt: expiresAt(sealedAt),
    lifetime: maxLifetime,
    writes: 0,
    payload
  })

  return {
    unseal: (_, value) =>
      Effect.clockWith((clock) => {
        const now = millisOf(clock)
        const sealed = sealer.open(value)
        // beego also refuses a seal from the future.
        return Effect.succeed(
          sealed === undefined || sealed.sealedAt <= expired(now) || sealed.sealedAt > now / 1000
            ? undefined
            : toSealed(value, sealed)
        )
      }),
    // Never for longer than `maxLifetime`.
    seal: (_, { payload }, ttl) =>
      payload.length > maxPayload
        ? Effect.fail(tooLarge("cookie", payload.length, maxPayload))
        : Effect.clockWith((clock) => {
            const now = millisOf(clock)
            const sealedAt = Math.min(store(now, ttl), Math.floor(now / 1000))
            const value = sealer.seal({ payload, sealedAt })
            return Effect.succeed({ value, sealed: toSealed(value, { payload, sealedAt }) })
          })
  }
}

/** Provides sessions in beego's cookie. Fails with `InvalidConfig` if an option is wrong. */
export const layer = (options: Options): Layer.Layer<SealedSessions, SessionError> =>
  Layer.effect(SealedSessions, make(options))
