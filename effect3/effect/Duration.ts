export * from "effect/Duration"
export {
  type DurationInput as Input,
  decode as fromInputUnsafe,
  decodeUnknown as fromInput,
  greaterThan as isGreaterThan,
  greaterThanOrEqualTo as isGreaterThanOrEqualTo,
  lessThan as isLessThan
} from "effect/Duration"
