// Sessions in beego's format, for the manager.
import * as Either from "effect/Either"
import { SessionError } from "../../SessionError.js"
import type { SessionCodec } from "../Codec.js"
import { decode } from "./Decoder.js"
import { encode } from "./Encoder.js"
import { field } from "./Field.js"
import type { GobSession, GobValue } from "./Value.js"

const nothing: GobSession = { fields: new Map(), others: [] }

/**
 * Sessions as beego's `EncodeGob` makes them. A field is stored under its own name, whatever store it is of, as Go knows no stores.
 * What no store declares, and keys that are no strings, are kept as they are through a read and a write. There is no place for the
 * time of a session's start, so `absoluteTimeout` has no effect.
 *
 * @since 0.1.0
 * @category codecs
 */
export const codec: SessionCodec = {
  key: (_store, field) => field,
  decode: (payload) => {
    // beego stores no bytes at all for a session that nothing was ever put into.
    const session = payload.length === 0 ? nothing : Either.getOrUndefined(decode(payload))
    return session === undefined
      ? undefined
      : { createdAt: undefined, values: Object.fromEntries(session.fields), rest: session.others }
  },
  encode: ({ rest, values }) =>
    Either.getOrElse(
      encode({
        fields: new Map(Object.entries(values as Record<string, GobValue>)),
        others: (rest as GobSession["others"] | undefined) ?? []
      }),
      ({ message }) =>
        new SessionError({ reason: "TooLarge", message: `the session cannot be stored as gob: ${message}` })
    ),
  field: (schema) => {
    const { decode, encode } = field(schema)
    return { decode: (stored) => decode(stored as GobValue), encode }
  }
}
