/**
 * Sessions shared with a Go app on beego.
 *
 * @since 0.1.0
 */
export { layer } from "./layers/Beego.js"
export * as Gob from "./Store/Gob.js"
export { codec } from "./Store/gob/codec.js"
