/**
 * Collects log messages.
 */
import type * as Layer from "#effect/Layer"
import * as Logger from "#effect/Logger"
import * as LogLevel from "#effect/LogLevel"

/** Collects the messages above the debug level from everything that runs with the layer. */
export const collectLogs = (): { readonly logged: Array<string>; readonly layer: Layer.Layer<never> } => {
  const logged: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (LogLevel.greaterThan(logLevel, LogLevel.Debug)) logged.push(String(message))
  })
  return { logged, layer: Logger.replace(Logger.defaultLogger, logger) }
}
