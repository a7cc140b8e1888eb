/**
 * For tests: the conformance suite that every provider passes, and sessions for tests of your own handlers.
 *
 * @since 3.0.0
 */
import "#dialect/effect@4-needs-effect-session@latest--effect@3-needs-effect-session@effect3"

export * as Conformance from "./testing/Conformance.js"
export { signIn } from "./testing/signIn.js"
