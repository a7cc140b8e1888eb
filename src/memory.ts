/**
 * Sessions in the memory of this process.
 *
 * @since 3.0.0
 */
import "#dialect/effect@4-needs-effect-session@latest--effect@3-needs-effect-session@effect3"

export * from "./Provider/Memory.js"
