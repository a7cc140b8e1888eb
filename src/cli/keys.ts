/**
 * Makes keys, as lines for the environment.
 */
import { randomBytes } from "node:crypto"
import * as Config from "#effect/Config"
import * as Console from "#effect/Console"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { variableOf } from "../layers/variables.js"
import { variables } from "../Provider/internal/environment.js"
import { refused } from "./exits.js"

export const uses = ["cookie", "at-rest"] as const

/** What keys are for. */
export type Use = (typeof uses)[number]

/** The variable that has the keys for a use. */
export const keyVariables: Readonly<Record<Use, string>> = {
  cookie: variables.keys,
  "at-rest": variableOf(["atRest", "keys"])
}

interface What {
  readonly use: Use
  readonly rotate: boolean
  readonly show: boolean
}

/** Prints the line of a variable with a new key, before the present ones if they are to be rotated. */
export const keys = ({ rotate, show, use }: What) => {
  const variable = keyVariables[use]
  const key = Effect.sync(() => randomBytes(32).toString("base64url"))
  if (process.stdout.isTTY && !show) {
    return refused(
      `keys: this would show a secret on the screen: add it to a file, such as with \`effect-session keys ${use} >> .env\`, or give --show`
    )
  }
  if (!rotate) {
    return Effect.flatMap(key, (made) => Console.log(`${variable}=${made}`))
  }
  return Effect.flatMap(Config.option(Config.NonEmptyString(variable)), (present) =>
    Option.isNone(present)
      ? refused(`keys: --rotate: ${variable} is not set, so that there is no key to rotate; leave --rotate out`)
      : Effect.flatMap(key, (made) => Console.log(`${variable}=${made},${present.value}`))
  )
}
