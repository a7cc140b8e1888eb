// One Valkey server, which has a compare-and-set of its own: as redis.mjs.
import { findProgram } from "../../scripts/programs.mjs"
import { startOn } from "./redis.mjs"

export { driver, operations } from "./redis.mjs"

export const start = () => startOn(findProgram("valkey-server"))
