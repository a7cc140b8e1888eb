/**
 * What a session notes of the person who has signed in: made at a sign-in, carried along when the session changes, and
 * read by its client's requests alone.
 */
import { hash, randomBytes } from "node:crypto"
import * as Duration from "#effect/Duration"
import type { StoredId } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import type { Owner } from "../../Store/Codec.js"
import { type Device, unbound } from "../bound/binding.js"
import type { SessionConfig } from "../configSchema.js"
import { sealUnder, unsealUnder } from "./sealedById.js"

/** A sign-in that is not stored yet. */
export interface SigningIn {
  readonly principal: string
  /** Names the person's register. */
  readonly register: StoredId
  /** The family of the session, unless the same person had signed in to it before. */
  readonly family: string
  /** If it does not say, it is as at the sign-in before. */
  readonly remember: boolean | undefined
  /** On sealed cookies: see {@link Owner}. */
  readonly generation: string | undefined
}

/** The error if a text cannot name a person: the hash of another could be the same, if it is not well formed. */
export const wrongPrincipal = (operation: string, text: unknown): SessionError | undefined =>
  typeof text === "string" && text.length > 0 && text.length <= 1024 && !/\p{Surrogate}/u.test(text)
    ? undefined
    : new SessionError({
        reason: "InvalidValue",
        message: `${operation}: expected a principal of 1 to 1,024 characters, such as a user's id`
      })

/** The name of a principal's register, in this app. No app's name has a space. */
export const registerOf = (principal: string, app = ""): StoredId =>
  hash("sha256", `effect-session ${app === "" ? "" : `app ${app} `}principal ${principal}`, "base64url") as StoredId

export const makeFamily = (): string => randomBytes(16).toString("base64url")

export const signingIn = (app: string, principal: string, remember: boolean | undefined): SigningIn => ({
  principal,
  register: registerOf(principal, app),
  family: makeFamily(),
  remember,
  generation: undefined
})

const seal = (id: string, principal: string): string => sealUnder(id, "principal", principal).toString("base64url")

/** The principal of a session, for a client that knows its id. */
export const principalOf = ({ sealed }: Owner, id: string): string | undefined =>
  unsealUnder(id, "principal", Buffer.from(sealed, "base64url"))

/** The owner of a session in which somebody signs in; `before` is the same person's, if they had signed in before. */
export const signedIn = (
  { family, generation, principal, register, remember }: SigningIn,
  before: Owner | undefined,
  id: string,
  { config, device }: { readonly config: Pick<SessionConfig, "remember">; readonly device: Device | undefined },
  now: number
): Owner => ({
  principal: register,
  sealed: seal(id, principal),
  family: before?.family ?? family,
  moves: before === undefined ? 0 : before.moves + 1,
  startedAt: before?.startedAt ?? now,
  signedInAt: now,
  seenAt: now,
  lifetimes:
    (remember ?? before?.lifetimes !== undefined)
      ? [Duration.toMillis(config.remember.idleTimeout), Duration.toMillis(config.remember.absoluteTimeout)]
      : undefined,
  generation,
  binding: device === undefined ? before?.binding : unbound(device, before?.binding, now)
})

/** The owner of a session that changes its id. The owner stays unknown to whoever knows neither of the two. */
export const underId = (owner: Owner, oldId: string, id: string): Owner => {
  const principal = principalOf(owner, oldId)
  const sealed = principal === undefined ? owner.sealed : seal(id, principal)
  // What the client was seen with is keyed with the old id.
  return { ...owner, sealed, moves: owner.moves + 1, client: undefined }
}
