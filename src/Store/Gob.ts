/**
 * Go's `encoding/gob`, as far as beego's sessions use it.
 *
 * @since 0.1.0
 */
export { decode } from "./gob/Decoder.js"
export { encode } from "./gob/Encoder.js"
export { defaultLimits, GobError, type GobErrorReason, type Limits } from "./gob/GobError.js"
export type { Content, GobSession, GobType, GobValue, OpaqueEncoder, StructField } from "./gob/Value.js"
