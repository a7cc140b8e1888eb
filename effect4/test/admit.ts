/**
 * The sessions of a page: a rate limiter says who gets one.
 */
export { SessionLive } from "../../example/docs/effect4/admit.js"
