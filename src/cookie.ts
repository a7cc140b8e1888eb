/**
 * Sessions sealed in cookies.
 *
 * @since 0.1.0
 */
export * from "./Provider/Cookie.js"
