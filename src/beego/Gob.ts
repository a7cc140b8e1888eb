/**
 * Go's `encoding/gob`, as far as beego's sessions use it: `decode` and `encode` for whole sessions, `field` to read and
 * write one field with its Schema, and annotations that choose another Go type than the default for a field.
 *
 * @since 3.0.0
 */
export { decode } from "./gob/Decoder.js"
export { encode } from "./gob/Encoder.js"
export { field, type GobField } from "./gob/Field.js"
export { defaultLimits, GobError, type GobErrorReason, type Limits } from "./gob/GobError.js"
export {
  as,
  bytes,
  type EncodedFor,
  float32,
  float64,
  type GoType,
  int,
  int8,
  int16,
  int32,
  int64,
  string,
  time,
  uint,
  uint8,
  uint16,
  uint32,
  uint64
} from "./gob/GoType.js"
export type { Content, GobSession, GobType, GobValue, OpaqueEncoder, StructField } from "./gob/Value.js"
