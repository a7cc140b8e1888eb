/**
 * Numbers as people say them.
 */

const units: ReadonlyArray<readonly [name: string, size: number]> = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000]
]

/** A time span, in milliseconds, in the largest unit that it fills twice. */
export const spoken = (millis: number): string => {
  const [unit, size] = units.find(([, size]) => millis >= 2 * size) ?? ["seconds", 1_000]
  return `${Math.round(millis / size)} ${unit}`
}

/** A number of bytes, as people say it. */
export const size = (bytes: number): string =>
  bytes >= 2 ** 30
    ? `${(bytes / 2 ** 30).toFixed(1)} GiB`
    : bytes >= 2 ** 20
      ? `${Math.round(bytes / 2 ** 20)} MiB`
      : `${Math.round(bytes / 2 ** 10)} KiB`

/** A share in whole percent, rounded down: what is not full is not called so. */
export const percent = (part: number, whole: number): number => Math.floor((100 * part) / whole)
