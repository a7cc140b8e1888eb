/**
 * What binds a session to a device: the key, and a secret of the session's own with which it signs what it gives to the
 * browser. The challenges and the bound cookie carry their end and a MAC, so that neither has to be stored: only the
 * challenges that were answered are, until they end, so that each counts once.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import * as Duration from "#effect/Duration"
import type { StoredId } from "../../Provider/Provider.js"
import type { Binding } from "../../Store/Codec.js"
import type { SessionConfig } from "../configSchema.js"

/** The settings of bound sessions, with times in milliseconds. */
export interface Device {
  readonly every: number
  readonly path: string
  readonly skippedFor: number
  /** Whether a request has come through the middleware that answers browsers. */
  isServed: boolean
}

export const deviceOf = ({ deviceBound }: SessionConfig): Device | undefined => {
  if (deviceBound === undefined) {
    return undefined
  }
  const { path, skippedFor } = deviceBound
  const every = Duration.toMillis(deviceBound.every)
  return { every, path, skippedFor: skippedFor === undefined ? every : Duration.toMillis(skippedFor), isServed: false }
}

/** How long a cookie counts after the browser has dropped it: for requests that were under way. */
const leeway = ({ every }: Device): number => Math.min(every / 10, 30_000)

/**
 * How long a challenge counts after the cookie that was given with it has ended: browsers renew a cookie before its end,
 * or when they need it again.
 */
const challengeLasts = 60_000

/**
 * The most challenges that are answered before the first of them ends. Browsers answer one in each `every`, or some more
 * towards its end; Chrome at most six in nine minutes.
 */
const mostAnswers = 64

const maced = (secret: string, purpose: string, text: string): string =>
  createHmac("sha256", secret).update(`${purpose} ${text}`).digest("base64url")

/** Adds a MAC to a text without dots. */
const signed = (secret: string, purpose: string, text: string): string => `${text}.${maced(secret, purpose, text)}`

/** The text with this MAC; undefined if the session has not signed it. */
const signedIn = (secret: string, purpose: string, given: string): string | undefined => {
  const at = given.lastIndexOf(".")
  const text = given.slice(0, Math.max(at, 0))
  const [mine, theirs] = [Buffer.from(maced(secret, purpose, text)), Buffer.from(given.slice(at + 1))]
  return mine.length === theirs.length && timingSafeEqual(mine, theirs) ? text : undefined
}

/** The time with which a text begins, in milliseconds since the epoch. */
const endOf = (text: string): number => Number.parseInt(text, 36)

/** The binding of a session in which somebody signs in; a browser has yet to bind it. */
export const unbound = (device: Device, before: Binding | undefined, now: number): Binding =>
  before?.key === undefined
    ? {
        secret: before?.secret ?? randomBytes(32).toString("base64url"),
        until: now + device.every,
        used: before?.used ?? []
      }
    : before

/** Names the session to its browser, which sends the name with each proof. It stays while the id changes. */
export const identifierOf = ({ secret }: Binding): string => maced(secret, "session", "").slice(0, 22)

const challengeText = ({ until }: Binding): string =>
  `${(until + challengeLasts).toString(36)}-${randomBytes(12).toString("base64url")}`

/** A fresh challenge. */
export const challengeOf = (binding: Binding): string => signed(binding.secret, "challenge", challengeText(binding))

/** The challenge to bind the session that is stored at `ref`, which {@link refIn} reads from it. */
export const firstChallengeOf = (binding: Binding, ref: StoredId): string =>
  signed(binding.secret, "challenge", `${challengeText(binding)}.${ref}`)

/** Where the session is stored, as a challenge says. It has the form of a hash, and nothing else about it has been checked. */
export const refIn = (challenge: string): StoredId | undefined =>
  /^[\w-]+\.([\w-]{43})\.[\w-]{43}$/.exec(challenge)?.[1] as StoredId | undefined

/** A challenge for a browser that has no cookie any more. */
export const challengeAt = (device: Device, binding: Binding, now: number): string =>
  challengeOf({ ...binding, until: now + device.every })

/** The value of the bound cookie that proves the session until the binding's end. */
export const cookieOf = (device: Device, { secret, until }: Binding): string =>
  signed(secret, "cookie", Math.ceil(until + leeway(device)).toString(36))

/** Whether a cookie with one of these values proves the session now. */
export const isProved = ({ secret }: Binding, cookies: ReadonlyArray<string>, now: number): boolean =>
  cookies.some((cookie) => {
    const text = signedIn(secret, "cookie", cookie)
    return text !== undefined && now < endOf(text)
  })

/**
 * The binding after a challenge was answered at `now`: `Spent` if it was answered before, has ended or is none of this
 * session's, and `TooMany` if so many were answered that there is no room to remember this one.
 */
export const answered = (
  device: Device,
  binding: Binding,
  challenge: string,
  now: number
): Binding | "Spent" | "TooMany" => {
  const text = signedIn(binding.secret, "challenge", challenge)
  if (text === undefined || now >= endOf(text) || binding.used.includes(text)) {
    return "Spent"
  }
  const used = binding.used.filter((other) => now < endOf(other))
  return used.length >= mostAnswers ? "TooMany" : { ...binding, until: now + device.every, used: [...used, text] }
}
