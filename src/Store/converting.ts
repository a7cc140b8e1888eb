/**
 * Converts the values of stores' fields from the form of one codec to that of another.
 */
import { valueOf } from "#dialect/result"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import { bind, type Draft, encode, read, store } from "./BoundField.js"
import type { SessionCodec } from "./Codec.js"
import type { Any } from "./SessionStore.js"

/** Returns the values in the other form. Those that no field can read, or that no field is for, are `dropped`. Never throws. */
export type Convert = (values: Readonly<Draft>, report: { readonly dropped: (key: string) => void }) => Readonly<Draft>

export const converting = (stores: ReadonlyArray<Any>, from: SessionCodec, to: SessionCodec): Convert => {
  const fields = stores.flatMap((declared) => {
    const { byName } = bind(declared, to)
    return [...bind(declared, from).byName].map(([name, before]) => [before, byName.get(name)!] as const)
  })
  const known = new Set(fields.map(([{ key }]) => key))
  return (values, report) => {
    const draft: Draft = {}
    for (const [before, after] of fields) {
      const value = read(before, values, report)
      if (Option.isSome(value)) {
        const encoded = encode(after, value.value)
        if (Result.isSuccess(encoded)) {
          store(after, draft, valueOf(encoded))
        } else {
          report.dropped(before.key)
        }
      }
    }
    for (const key of Object.keys(values)) {
      if (!known.has(key)) {
        report.dropped(key)
      }
    }
    return draft
  }
}
