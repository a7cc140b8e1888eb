/**
 * Sessions shared with a Go app on beego.
 *
 * @since 0.1.0
 */
export * as Gob from "./Store/Gob.js"
