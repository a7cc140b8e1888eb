/**
 * What `doctor` says of the environment itself, before it connects to anything: variables that are unknown, cannot be read, or
 * are dangerous.
 */
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import { aliases } from "../../layers/backends.js"
import {
  meant,
  names,
  over,
  provider,
  reading,
  unknownVariables,
  variableOf,
  writingOf
} from "../../layers/variables.js"
import type { Writing } from "../../layers/writings.js"
import type { SessionConfig } from "../../Manager/configSchema.js"
import { makeNamed, oddities } from "../../Manager/SessionConfig.js"
import { variables } from "../../Provider/internal/environment.js"
import { hint, nearest } from "../../Provider/internal/options.js"
import { type Finding, ok, present, shown, warning, wrong } from "./finding.js"

const { durability, fsync, maxConnections, maxSessions, migrate, minReplicas, prepared } = variables

/** How the variables of backends are written, but those that are text. */
const ofBackends: Readonly<Record<string, Writing>> = {
  ...Object.fromEntries([maxConnections, maxSessions, minReplicas].map((name) => [name, "whole"] as const)),
  ...Object.fromEntries(
    [fsync, migrate, prepared, variables.sentinelTls, variables.strictModes, variables.tls].map(
      (name) => [name, "flag"] as const
    )
  ),
  [variables.url]: "secret",
  [durability]: "text"
}

/** What is expected of a variable, in words. What it holds is never repeated. */
const expected: Readonly<Record<Writing, string>> = {
  text: "a text that is not empty",
  whole: "a whole number",
  flag: "true or false",
  "flag or text": "true, false or a text",
  list: "names with commas between them",
  secret: "a text",
  secrets: "texts with commas between them",
  "id or secrets": "id, or texts with commas between them"
}

const all: ReadonlyArray<readonly [name: string, writing: Writing]> = [...writingOf, ...Object.entries(ofBackends)]

/** The variables that cannot be read. */
const unreadable: Effect.Effect<ReadonlyArray<Finding>> = Effect.map(
  Effect.forEach(all, ([name, writing]) =>
    Effect.map(Effect.result(Config.option(reading(name, writing))), (read) =>
      Result.isFailure(read) ? [wrong(`${name}: expected ${expected[writing]}`, "correct it, or leave it out")] : []
    )
  ),
  (found) => found.flat()
)

const unknown: Effect.Effect<ReadonlyArray<Finding>> = Effect.match(unknownVariables([]), {
  onSuccess: (found) =>
    found.map((name) =>
      nearest(name, names) === undefined
        ? warning(`${name} is no variable of effect-session's: the app starts only if it ignores it`, meant(name))
        : wrong(`${name} is no variable of effect-session's: the app does not start with it`, meant(name))
    ),
  onFailure: () => []
})

/** An optional variable. */
export const given = (name: string): Effect.Effect<string | undefined> =>
  Effect.match(Config.option(Config.NonEmptyString(name)), {
    onSuccess: Option.getOrUndefined,
    onFailure: () => undefined
  })

/** The backend that a variable names; a finding if there is none of this name, and undefined if the variable is not set. */
export const backendIn = <Name extends string>(
  variable: string,
  backends: Readonly<Record<Name, unknown>>
): Effect.Effect<Name | Finding | undefined> =>
  Effect.map(given(variable), (text) => {
    const name = text !== undefined && Object.hasOwn(aliases, text) ? aliases[text]! : text
    return name === undefined || Object.hasOwn(backends, name)
      ? (name as Name | undefined)
      : wrong(
          `${variable} names no backend of effect-session's`,
          `${hint(name, Object.keys(backends))}; one of the app's own (fromConfig({ providers })) cannot be looked at from here`
        )
  })

/** Variables of a backend while none is named: the app refuses that. */
const withoutProvider: Effect.Effect<ReadonlyArray<Finding>> = Effect.flatMap(given(provider), (name) =>
  name === undefined
    ? Effect.map(given(variables.url), (url) =>
        url === undefined
          ? []
          : [
              wrong(
                `${provider} is not set, and ${variables.url} is: the app does not start`,
                `set ${provider} to the name of the backend, such as redis`
              )
            ]
      )
    : Effect.succeed([])
)

/** Settings that are allowed, and give away what sessions are to protect. */
const dangers = (config: SessionConfig): ReadonlyArray<Finding> => {
  const { atRest, cookie, crossOrigin, id, query } = config
  const variable = (...path: ReadonlyArray<string>) => variableOf(path)
  const later = "leave it out when the old sessions have expired"
  return present([
    cookie !== false &&
      !cookie.secure &&
      warning(
        `${variable("cookie", "secure")} is false: anyone who listens on the network can take the session cookie`,
        "leave it out if the app is reached through https; it is for plain http on a developer's machine"
      ),
    cookie !== false &&
      !cookie.httpOnly &&
      warning(
        `${variable("cookie", "httpOnly")} is false: a script that gets into a page can take the session cookie`,
        "leave it out"
      ),
    id.hashed === false &&
      warning(
        `${variable("id", "hashed")} is false: anyone who can read the backend, or a copy of it, can use every session`,
        "set it to migrating, and leave it out when the old sessions have expired"
      ),
    id.hashed === "migrating" && ok(`${variable("id", "hashed")} is migrating`, later),
    typeof atRest === "object" &&
      atRest.migrating !== false &&
      warning(
        `${variable("atRest", "migrating")} is set: as long as it is, anyone who can write to the backend can forge sessions`,
        later
      ),
    crossOrigin === "allow" &&
      warning(
        `${variable("crossOrigin")} is allow: another site's page can use its visitors' sessions here`,
        `name the sites that may, in ${variable("crossOrigin", "trusted")}`
      ),
    query !== false &&
      warning(
        `${variable("query")} is set: ids stand in addresses, and so in logs, histories and Referer headers`,
        "send the id in a cookie or a header"
      ),
    atRest === undefined && ok(`sessions are not sealed before the backend gets them (${variable("atRest", "keys")})`)
  ])
}

/** The options, if they can be read, and what there is to say of them. */
export interface Configuration {
  readonly config: SessionConfig | undefined
  readonly findings: ReadonlyArray<Finding>
}

const options: Effect.Effect<Configuration> = Effect.flatMap(Effect.result(over({})), (read) =>
  Result.match(read, {
    // Told as unreadable.
    onFailure: () => Effect.succeed({ config: undefined, findings: [] }),
    onSuccess: ({ options }) =>
      makeNamed(options, (path) => variableOf(path.filter((part) => !/^\d+$/.test(part)))).pipe(
        Effect.flatMap((config) =>
          Effect.map(oddities(config), (odd) => ({
            config,
            findings: [
              ...odd.map((what) => warning(what, "change one of the two: docs/configuration.md has them all")),
              ...dangers(config)
            ]
          }))
        ),
        Effect.catch((error) =>
          Effect.succeed({
            config: undefined,
            findings: [wrong(shown(error), "correct it: docs/configuration.md has all options")]
          })
        )
      )
  })
)

/** Looks at all variables. */
export const configuration: Effect.Effect<Configuration> = Effect.map(
  Effect.all([unknown, unreadable, withoutProvider, options]),
  ([unknown, unreadable, missing, { config, findings }]) => {
    const found = [...unknown, ...unreadable, ...missing, ...findings]
    return {
      config: unreadable.length > 0 ? undefined : config,
      findings: found.every(({ level }) => level === "ok")
        ? [ok("the variables can be read, and none is unknown"), ...found]
        : found
    }
  }
)
