/**
 * ConfigProviders.
 */
import * as ConfigProvider from "effect/ConfigProvider"

/** The ways in which a ConfigProvider can have these variables. */
export const providersWith = (variables: Record<string, string>): Record<string, ConfigProvider.ConfigProvider> => {
  const map = (entries: Record<string, string>, options?: Partial<ConfigProvider.ConfigProvider.FromMapConfig>) =>
    ConfigProvider.fromMap(new Map(Object.entries(entries)), options)
  const nested = Object.fromEntries(Object.entries(variables).map(([name, value]) => [`APP.${name}`, value]))
  return {
    "split at underscores": map(variables, { pathDelim: "_" }),
    nested: ConfigProvider.nested(map(nested), "APP"),
    "the second of two": ConfigProvider.orElse(map({}), () => map(variables)),
    JSON: ConfigProvider.fromJson(variables)
  }
}
