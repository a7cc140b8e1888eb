import * as Config from "effect/Config"

export * from "effect/Config"
export {
  boolean as Boolean,
  integer as Int,
  nonEmptyString as NonEmptyString,
  redacted as Redacted,
  string as String
} from "effect/Config"
export type { ConfigError } from "effect/ConfigError"

export type Wrap<A> = Config.Config.Wrap<A>

export const Literals = <const L extends ReadonlyArray<string>>(literals: L, name: string): Config.Config<L[number]> =>
  Config.literal(...literals)(name) as Config.Config<L[number]>
