/**
 * Names a browser and its system, as far as its User-Agent tells. The first that fits counts: most of them name others
 * too.
 */
const browsers: ReadonlyArray<readonly [RegExp, string]> = [
  [/Edg/, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chromium|HeadlessChrome/, "Chromium"],
  [/Chrome|CriOS/, "Chrome"],
  [/Safari/, "Safari"],
  [/^curl/, "curl"]
]

const systems: ReadonlyArray<readonly [RegExp, string]> = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"]
]

const nameIn = (names: ReadonlyArray<readonly [RegExp, string]>, agent: string): string | undefined =>
  names.find(([pattern]) => pattern.test(agent))?.[1]

/** The browser in plain words, such as "Chromium on Linux". */
export const describe = (agent: string | undefined): string => {
  const browser = nameIn(browsers, agent ?? "") ?? "An unknown browser"
  const system = nameIn(systems, agent ?? "")
  return system === undefined ? browser : `${browser} on ${system}`
}
