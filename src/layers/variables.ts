/**
 * The environment variables of sessions: one for each option, and a check for unknown ones.
 */
import { invalid, namesUnder } from "#dialect/config"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import type { Options } from "../Manager/options.js"
import * as Environment from "../Provider/internal/environment.js"
import { hint } from "../Provider/internal/options.js"
import { type Writing, writings } from "./writings.js"

const parts = (text: string): ReadonlyArray<string> => text.split(",").map((part) => part.trim())

const secretsIn = (text: string) => parts(text).map((part) => Redacted.make(part))

/** The readers of variables, by how a variable writes an option. */
const readers: {
  readonly [W in Writing]: (name: string) => Config.Config<unknown>
} = {
  text: Config.NonEmptyString,
  whole: Config.Int,
  flag: Config.Boolean,
  "flag or text": (name) => Config.orElse(Config.Boolean(name), () => Config.NonEmptyString(name)),
  list: (name) => Config.map(Config.NonEmptyString(name), parts),
  secret: Config.Redacted,
  secrets: (name) => Config.map(Config.NonEmptyString(name), secretsIn),
  "id or secrets": (name) => Config.map(Config.NonEmptyString(name), (text) => (text === "id" ? text : secretsIn(text)))
}

type Path = readonly [name: string] | readonly [group: string, name: string]

const options: ReadonlyArray<readonly [path: Path, writing: Writing]> = [
  ...Object.entries(writings).flatMap(
    ([name, written]): ReadonlyArray<readonly [Path, Writing]> =>
      typeof written === "string"
        ? [[[name], written]]
        : Object.entries(written).map(([inner, writing]) => [[name, inner], writing])
  ),
  [["cookie"], "flag"],
  [["crossOrigin"], "text"]
]

/** The name of an option's variable: `cookie.sameSite` is `SESSION_COOKIE_SAME_SITE`. */
export const variableOf = (path: ReadonlyArray<string>): string =>
  ["session", ...path].map((part) => part.replace(/[A-Z]/g, "_$&").toUpperCase()).join("_")

/** The variable that names the backend. */
export const provider = "SESSION_PROVIDER"

/** The names of all variables. */
export const names: ReadonlyArray<string> = [
  provider,
  ...Object.values(Environment.variables),
  ...options.map(([path]) => variableOf(path))
]

/** The variables of options, and how they are written. */
export const writingOf: ReadonlyMap<string, Writing> = new Map(
  options.map(([path, writing]) => [variableOf(path), writing])
)

/** Reads a variable that is written so. */
export const reading = (name: string, writing: Writing): Config.Config<unknown> => readers[writing](name)

/** Options that may be left out; a group may be turned off. */
interface Draft {
  [name: string]: unknown
}

const group = (value: unknown): Draft => (typeof value === "object" && value !== null ? { ...value } : {})

/** Sets an option, which overrides the previous value and turns on its group. */
const put = (draft: Draft, [first, second]: Path, value: unknown): Draft =>
  second !== undefined
    ? { ...draft, [first]: { ...group(draft[first]), [second]: value } }
    : // `true` is the default of the cookie.
      { ...draft, [first]: first === "cookie" && value === true ? group(draft[first]) : value }

/** The options with those from the environment, and a test whether the environment set one. */
export interface FromEnvironment {
  readonly options: Options
  readonly isSet: (path: ReadonlyArray<string>) => boolean
}

/** Reads the options from the environment, which override the given ones. */
export const over = (given: Options): Config.Config<FromEnvironment> =>
  Config.map(
    Config.all(
      options.map(([path, writing]) =>
        Config.map(
          Config.option(reading(variableOf(path), writing)),
          Option.map((value) => ({ path, value }))
        )
      )
    ),
    (found) => {
      const set = found.flatMap((option) => (Option.isSome(option) ? [option.value] : []))
      const isOff = set.some(({ path, value }) => path[0] === "cookie" && path.length === 1 && value === false)
      const counted = set.filter(({ path }) => !(isOff && path[0] === "cookie" && path.length === 2))
      const paths = new Set(set.map(({ path }) => path.join(".")))
      return {
        options: counted.reduce<Draft>((draft, { path, value }) => put(draft, path, value), { ...given }) as Options,
        isSet: (path) => paths.has(path.join("."))
      }
    }
  )

/**
 * Variables that others set: desktops (X11's session manager), and Kubernetes beside a service with the name `session`.
 */
const foreign =
  /^SESSION_(MANAGER|(.+_)?SERVICE_(HOST|PORT)(_.+)?|(.+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/** The names in the environment under a path, and all longer ones. */
const under = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  namesUnder(path).pipe(
    Effect.flatMap((names) => Effect.all(names.map((name) => namesFrom([...path, name])))),
    Effect.map((names) => names.flat())
  )

const namesFrom = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> => {
  const name = path.join("_")
  return name === "SESSION" || name.startsWith("SESSION_")
    ? Effect.map(under(path), (longer) => [name, ...longer])
    : Effect.succeed([])
}

/** The variables that begin with `SESSION_` and are neither known nor the app's own. */
export const unknownVariables = (
  ignore: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>, Config.ConfigError> =>
  Effect.flatMap(under([]), (found) =>
    Effect.filter(
      found.filter(
        (name) => name !== "SESSION" && !names.includes(name) && !ignore.includes(name) && !foreign.test(name)
      ),
      (name) => Effect.map(Config.option(Config.String(name)), Option.isSome)
    )
  )

/** Fails if the environment has variables that begin with `SESSION_` and are neither known nor the app's own. */
export const checkVariables = (ignore: ReadonlyArray<string>): Effect.Effect<void, Config.ConfigError> =>
  Effect.flatMap(unknownVariables(ignore), ([name]) =>
    name === undefined ? Effect.void : Effect.fail(invalid(name, `unknown variable: ${meant(name)}`))
  )

/** What to do about an unknown variable. */
export const meant = (name: string): string => {
  const said = hint(name, names)
  return said.startsWith("did")
    ? said
    : "it is none of effect-session's; if it is your own, name it in fromConfig({ ignore })"
}
