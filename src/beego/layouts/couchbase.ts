/**
 * beego's `couchbase` provider: a session is a document under its id, a JSON string that holds the bytes in base64 (as
 * go-couchbase v0.1.0 writes a `[]byte`), with flags 0.
 */
import type { DurabilityLevel, Transcoder } from "couchbase"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import { parse } from "../../Provider/couchbase/address.js"
import { attempt, expiryOf, inCollection, maxValue, opened, ready } from "../../Provider/couchbase/collection.js"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import { plain } from "../../Provider/internal/environment.js"
import { defaultCapabilities, SessionProvider } from "../../Provider/Provider.js"
import type { SessionError } from "../../SessionError.js"
import * as CasStore from "./casStore.js"

export interface Options {
  /** `couchbase://user:password@host/bucket`. */
  readonly url: string | Redacted.Redacted
}

/** In milliseconds. */
const timeout = 2_000

/** A write counts at once. */
const none: DurabilityLevel.None = 0

/** Adds quotes; base64 (RFC 4648, 4) has no character that JSON would escape. */
const toDocument = (payload: Buffer): Buffer => Buffer.from(`"${payload.toString("base64")}"`, "latin1")

export const transcoder: Transcoder = {
  encode: (payload: Buffer) => [toDocument(payload), 0],
  decode: (bytes) => {
    const payload = Buffer.from(bytes.toString("latin1", 1, bytes.length - 1), "base64")
    // Decoding skips characters that are not base64.
    return toDocument(payload).equals(bytes) ? payload : undefined
  }
}

/**
 * Provides sessions in Couchbase as beego does. Fails with `Unavailable` if the cluster or the bucket does not answer,
 * and with `InvalidConfig` if an option is wrong.
 */
export const layer = ({ url }: Options): Layer.Layer<SessionProvider, SessionError> =>
  Layer.effect(
    SessionProvider,
    Effect.gen(function* () {
      const collection = yield* Effect.flatMap(parse(plain(url)), (at) => opened(at, timeout))
      yield* ready(collection, ".", timeout)
      return ForeignProvider.make(
        CasStore.make({
          store: inCollection(
            collection,
            { transcoder, durability: none, timeout, margin: 0, distinct: false },
            {
              ...defaultCapabilities,
              maxPayload: Math.floor(((maxValue - 2) * 3) / 4) - 2,
              // A lifetime is rounded up to whole seconds, then one is added, a document lives through the whole second
              // in which it expires, and the server's clock may take one more to tick.
              expirySlack: 4_200
            }
          ),
          touch: (id, ttl) =>
            Effect.map(
              attempt(() => collection.touch(id, expiryOf(ttl), { timeout })),
              (result) => typeof result !== "string"
            ),
          // The longest key that Couchbase allows.
          isKey: (id) => id !== "" && Buffer.byteLength(id) <= 250
        })
      )
    })
  )
