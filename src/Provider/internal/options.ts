/**
 * Unknown options: a misspelled name is an error that suggests the right one, in JavaScript too.
 */
import * as Effect from "#effect/Effect"
import { SessionError } from "../../SessionError.js"

/** The number of one-letter changes, including swaps of neighbours, from one word to the other. */
const distance = (a: string, b: string): number => {
  let [before, last, row]: [Array<number>, Array<number>, Array<number>] = [
    [],
    [],
    Array.from({ length: b.length + 1 }, (_, j) => j)
  ]
  for (let i = 1; i <= a.length; i++) {
    ;[before, last, row] = [last, row, [i]]
    for (let j = 1; j <= b.length; j++) {
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        isSwap ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY
      )
    }
  }
  return row[b.length]!
}

/** Removes differences in case and in the separators of words. */
const plain = (name: string): string => name.toLowerCase().replace(/[_\-.]/g, "")

/** The known name that was probably meant. */
export const nearest = (name: string, known: ReadonlyArray<string>): string | undefined => {
  const [best] = known
    .map((candidate) => ({ candidate, steps: distance(plain(name), plain(candidate)) }))
    .filter(({ candidate, steps }) => steps <= Math.max(1, Math.floor(plain(candidate).length / 4)))
    .sort((a, b) => a.steps - b.steps)
  return best?.candidate
}

/** Suggests the name that was probably meant, or lists all names. */
export const hint = (name: string, known: ReadonlyArray<string>): string => {
  const meant = nearest(name, known)
  return meant === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${meant}?`
}

/** The names of all options, with those that are required. The compiler checks that the list is complete. */
export type Names<Options> = {
  readonly [Name in keyof Options]-?: undefined extends Options[Name] ? "optional" : "required"
}

/** Calls `make` with checked options. Fails with `InvalidConfig` if one is unknown, or a required one is missing. */
export const checked = <Options extends object, A, E, R>(
  names: Names<Options>,
  options: Options,
  make: (options: Options) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SessionError, R> =>
  Effect.suspend((): Effect.Effect<A, E | SessionError, R> => {
    const known = Object.keys(names)
    const wrong = [
      ...Object.keys(options)
        .filter((name) => !Object.hasOwn(names, name))
        .map((name) => `${name}: unknown option: ${hint(name, known)}`),
      ...known
        .filter((name) => names[name as keyof Options] === "required" && options[name as keyof Options] === undefined)
        .map((name) => `${name}: it is missing`)
    ]
    return wrong.length === 0 ? make(options) : new SessionError({ reason: "InvalidConfig", message: wrong.join("; ") })
  })
