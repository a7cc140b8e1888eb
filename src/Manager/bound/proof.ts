/**
 * Reads the proof that a browser sends of its key: a JSON Web Token (RFC 7519) as the draft of Device Bound Session
 * Credentials has it, `{"alg", "typ": "dbsc+jwt", "jwk"}.{"jti": challenge}.signature`.
 */
import { createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto"
import { readText } from "./structured.js"

export interface Proof {
  /** The challenge that it answers. Nothing about it has been checked. */
  readonly challenge: string
  /** The key that the browser offers, if it has sent one: its type fits the algorithm. */
  readonly offered: KeyObject | undefined
  /** Whether it was signed with this key, and with the algorithm that belongs to the key's type. */
  readonly isSignedWith: (key: KeyObject) => boolean
}

/** The algorithms, as the registration header names them. */
export const algorithms = "ES256 RS256"

/** With the largest key that is taken, a proof has some 2,300 characters. */
const mostCharacters = 4096

type Algorithm = "ES256" | "RS256"

/** The algorithm of a key; undefined if no proof can be made with such a key. */
const algorithmOf = ({ asymmetricKeyDetails, asymmetricKeyType, type }: KeyObject): Algorithm | undefined => {
  const { modulusLength = 0, namedCurve, publicExponent } = asymmetricKeyDetails ?? {}
  return type !== "public"
    ? undefined
    : asymmetricKeyType === "ec" && namedCurve === "prime256v1"
      ? "ES256"
      : asymmetricKeyType === "rsa" && modulusLength >= 2048 && modulusLength <= 4096 && publicExponent === 65537n
        ? "RS256"
        : undefined
}

/** Reads a proof; undefined if it is none. The signature is checked with a key. Never throws. */
export const readProof = (field: string): Proof | undefined => {
  const text = readText(field)
  const [, header = "", payload = "", signature = ""] =
    text.length <= mostCharacters ? (/^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(text) ?? []) : []
  const { alg, jwk, typ } = recordIn(header)
  const { jti } = recordIn(payload)
  if ((alg !== "ES256" && alg !== "RS256") || typ !== "dbsc+jwt" || typeof jti !== "string") {
    return undefined
  }
  const offered = keyOf(jwk)
  return {
    challenge: jti,
    offered: offered !== undefined && algorithmOf(offered) === alg ? offered : undefined,
    isSignedWith: (key) => {
      try {
        return (
          algorithmOf(key) === alg &&
          verify(
            "sha256",
            Buffer.from(`${header}.${payload}`),
            alg === "ES256" ? { key, dsaEncoding: "ieee-p1363" } : key,
            Buffer.from(signature, "base64url")
          )
        )
      } catch {
        return false
      }
    }
  }
}

/** The record in a part of a token; empty if it is none. */
const recordIn = (part: string): Readonly<Record<string, unknown>> => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(part, "base64url").toString())
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}

/** The key in a JSON Web Key. Only what makes a public key is looked at. */
const keyOf = (jwk: unknown): KeyObject | undefined => {
  const { crv, e, kty, n, x, y } = (typeof jwk === "object" && jwk !== null ? jwk : {}) as JsonWebKey
  try {
    return kty === "EC" || kty === "RSA"
      ? createPublicKey({ key: kty === "EC" ? { kty, crv, x, y } : { kty, n, e }, format: "jwk" } as never)
      : undefined
  } catch {
    return undefined
  }
}

/** Writes a key as it is kept: its SubjectPublicKeyInfo (RFC 5280 4.1.2.7), as base64url. */
export const writeKey = (key: KeyObject): string => key.export({ type: "spki", format: "der" }).toString("base64url")

/** Reads a key that was kept; undefined if it is none. */
export const readKey = (text: string): KeyObject | undefined => {
  try {
    return createPublicKey({ key: Buffer.from(text, "base64url"), type: "spki", format: "der" })
  } catch {
    return undefined
  }
}
