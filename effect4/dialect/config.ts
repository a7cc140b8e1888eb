/**
 * Configurations that can be refused, and the names that a provider has.
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

/** The error of a variable that has a wrong value, or is not to be set at all. */
export const invalid = (variable: string, message: string): Config.ConfigError =>
  new Config.ConfigError(new ConfigProvider.SourceError({ message: `${variable}: ${message}` }))

/** The error of a variable that is not set, and has to be. */
export const missing = invalid

/** What was wrong, with the name of its variable. */
export const said = (error: Config.ConfigError): string => error.message

/** A configuration whose value a function turns into another, or refuses with an error. */
export const mapOrError = <A, B>(
  config: Config.Config<A>,
  f: (a: A) => Result.Result<B, Config.ConfigError>
): Config.Config<B> => Config.mapEffect(config, (a) => Effect.fromResult(f(a)))

/** A variable whose value a function turns into another, or refuses with a message. */
export const mapOrFail = <A>(variable: string, f: (value: string) => Result.Result<A, string>): Config.Config<A> =>
  Config.mapEffect(Config.String(variable), (value) =>
    Effect.fromResult(Result.mapError(f(value), (message) => invalid(variable, message)))
  )

/** The names under a path. The provider of a process splits names at each `_`; others do not. */
export const namesUnder = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.flatMap(ConfigProvider.ConfigProvider, (provider) => provider.load(path)).pipe(
    Effect.map((node) =>
      node?._tag === "Record"
        ? [...node.keys]
        : node?._tag === "Array"
          ? Array.from({ length: node.length }, (_, i) => String(i))
          : []
    ),
    // Some providers cannot list their names.
    Effect.orElseSucceed(() => [])
  )
