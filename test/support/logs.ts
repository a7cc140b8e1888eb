/**
 * Collects log messages.
 */

import type * as Layer from "#effect/Layer"
import * as Logger from "#effect/Logger"
import * as Logs from "#test/logs"

/** Collects the messages above the debug level from everything that runs with the layer. */
export const collectLogs = (): { readonly logged: Array<string>; readonly layer: Layer.Layer<never> } => {
  const logged: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (Logs.isAboveDebug(logLevel)) logged.push(String(message))
  })
  return { logged, layer: Logs.replacing(logger) }
}
