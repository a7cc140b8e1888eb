// The codec for sessions in beego's format, which the manager uses.

import { mismatch } from "#dialect/schema"
import { losesProto } from "#dialect/schemaParts"
import * as Result from "#effect/Result"
import { SessionError } from "../../SessionError.js"
import type { SessionCodec } from "../../Store/Codec.js"
import { hasProto } from "../../Store/hasProto.js"
import { decode } from "./Decoder.js"
import { encode } from "./Encoder.js"
import { field } from "./Field.js"
import type { GobSession, GobValue } from "./Value.js"

const nothing: GobSession = { fields: new Map(), others: [] }

/**
 * Stores sessions in the format of beego's `EncodeGob`. A field is stored under its own name, whatever its store, since
 * Go has no stores. Entries that no store declares, and keys that are not strings, stay as they are when a session is
 * read and written. The format has no place for the start of a session, so `absoluteTimeout` has no effect.
 *
 * @since 3.0.0
 * @category codecs
 */
export const codec: SessionCodec = {
  keepsNotes: false,
  holds:
    'A Go value is not nil, has no object of a class in it and is not nested deep; numbers fit their Go type. In a record no key can be "__proto__"',
  key: (_store, field) => field,
  decode: (payload) => {
    // beego stores no bytes at all for a session in which nothing was ever stored.
    const session = payload.length === 0 ? nothing : Result.getOrUndefined(decode(payload))
    return session === undefined
      ? undefined
      : { createdAt: undefined, values: Object.fromEntries(session.fields), rest: session.others }
  },
  encode: ({ rest, values }) =>
    Result.getOrElse(
      encode({
        fields: new Map(Object.entries(values as Record<string, GobValue>)),
        others: (rest as GobSession["others"] | undefined) ?? []
      }),
      ({ message }) =>
        new SessionError({ reason: "TooLarge", message: `the session cannot be stored as gob: ${message}` })
    ),
  field: (schema) => {
    const { decode, encode } = field(schema)
    const loses = losesProto(schema)
    return {
      decode: (stored) => decode(stored as GobValue),
      encode: (value) =>
        loses && hasProto(value)
          ? Result.fail(mismatch(schema, value, "its key __proto__ would be lost"))
          : encode(value)
    }
  }
}
