/**
 * The namespace `SessionConfig`: the options, and beego's configuration as options.
 *
 * @since 0.1.0
 */
export { beego, fromBeego } from "./beegoConfig.js"
export * from "./SessionConfig.js"
