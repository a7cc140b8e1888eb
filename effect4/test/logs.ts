/**
 * What Effect logs, in tests.
 */
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"

/** The logger alone, in place of Effect's own. */
export const replacing = (logger: Logger.Logger<unknown, unknown>): Layer.Layer<never> => Logger.layer([logger])

/** The logger beside Effect's own. */
export const adding = (logger: Logger.Logger<unknown, unknown>): Layer.Layer<never> =>
  Logger.layer([logger], { mergeWithExisting: true })

export const nothing: Layer.Layer<never> = Layer.succeed(References.MinimumLogLevel, "None")

export const everything: Layer.Layer<never> = Layer.succeed(References.MinimumLogLevel, "All")

/** The forms of text that Effect has for messages. */
export const forms = [Logger.formatSimple, Logger.formatLogFmt, Logger.formatJson]

export const structured = Logger.formatStructured

export const isAboveDebug = (level: LogLevel.LogLevel): boolean => LogLevel.isGreaterThan(level, "Debug")
