/**
 * The environment variables that the key-value servers share.
 */
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** It may hold a password. */
export const url = Config.map(Config.redacted("SESSION_URL"), Redacted.value)

export const prefix = Config.map(Config.option(Config.string("SESSION_KEY_PREFIX")), Option.getOrUndefined)
