import * as ConfigProvider from "effect/ConfigProvider"

export * from "effect/ConfigProvider"
export { setConfigProvider as layer } from "effect/Layer"

export const fromEnvRecord = (env: Record<string, string>): ConfigProvider.ConfigProvider =>
  ConfigProvider.fromMap(new Map(Object.entries(env)), { pathDelim: "_" })
