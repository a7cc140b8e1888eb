/**
 * ConfigProviders.
 */
import * as ConfigProvider from "effect/ConfigProvider"

/** The ways in which a ConfigProvider can have these variables. */
export const providersWith = (variables: Record<string, string>): Record<string, ConfigProvider.ConfigProvider> => {
  const nested = Object.fromEntries(Object.entries(variables).map(([name, value]) => [`APP_${name}`, value]))
  return {
    "split at underscores": ConfigProvider.fromEnvRecord(variables),
    nested: ConfigProvider.nested(ConfigProvider.fromEnvRecord(nested), "APP"),
    "the second of two": ConfigProvider.orElse(
      ConfigProvider.fromEnvRecord({}),
      ConfigProvider.fromEnvRecord(variables)
    ),
    JSON: ConfigProvider.fromUnknown(variables)
  }
}
