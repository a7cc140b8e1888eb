/**
 * Configurations that can be refused, and the names that a provider has.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"

/** The error of a variable that has a wrong value, or is not to be set at all. */
export const invalid = (variable: string, message: string): ConfigError.ConfigError =>
  ConfigError.InvalidData([variable], message)

/** The error of a variable that is not set, and has to be. */
export const missing = (variable: string, message: string): ConfigError.ConfigError =>
  ConfigError.MissingData([variable], message)

/** What was wrong, with the name of its variable. */
export const said = (error: ConfigError.ConfigError): string =>
  "path" in error && error.path.length > 0 ? `${error.path.join("_")}: ${error.message}` : String(error)

/** A configuration whose value a function turns into another, or refuses with an error. */
export const mapOrError: <A, B>(
  config: Config.Config<A>,
  f: (a: A) => Either.Either<B, ConfigError.ConfigError>
) => Config.Config<B> = Config.mapOrFail

/** A variable whose value a function turns into another, or refuses with a message. */
export const mapOrFail = <A>(variable: string, f: (value: string) => Either.Either<A, string>): Config.Config<A> =>
  Config.mapOrFail(Config.string(variable), (value) =>
    Either.mapLeft(f(value), (message) => ConfigError.InvalidData([], message))
  )

/** The names under a path. The provider of a process splits names at each `_`; others do not. */
export const namesUnder = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  path
    .reduceRight((config, part) => Config.nested(config, part), Config.hashMap(Config.succeed(undefined)))
    .pipe(
      Effect.map((children) => [...HashMap.keys(children)]),
      // Some providers cannot list their names.
      Effect.orElseSucceed(() => [])
    )
