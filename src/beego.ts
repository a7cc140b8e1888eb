/**
 * Sessions shared with a Go app on beego.
 *
 * @since 3.0.0
 */
import "#dialect/effect@4-needs-effect-session@latest--effect@3-needs-effect-session@effect3"

export { defaults, options } from "./beego/config.js"
export * as Gob from "./beego/Gob.js"
export { codec } from "./beego/gob/codec.js"
export { layer, provider } from "./beego/layer.js"
