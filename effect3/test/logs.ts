/**
 * What Effect logs, in tests.
 */
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

/** The logger alone, in place of Effect's own. */
export const replacing = (logger: Logger.Logger<unknown, unknown>): Layer.Layer<never> =>
  Logger.replace(Logger.defaultLogger, logger)

/** The logger beside Effect's own. */
export const adding = (logger: Logger.Logger<unknown, unknown>): Layer.Layer<never> => Logger.add(logger)

export const nothing: Layer.Layer<never> = Logger.minimumLogLevel(LogLevel.None)

export const everything: Layer.Layer<never> = Logger.minimumLogLevel(LogLevel.All)

/** The forms of text that Effect has for messages. */
export const forms = [Logger.stringLogger, Logger.logfmtLogger, Logger.jsonLogger]

export const structured = Logger.structuredLogger

export const isAboveDebug = (level: LogLevel.LogLevel): boolean => LogLevel.greaterThan(level, LogLevel.Debug)
