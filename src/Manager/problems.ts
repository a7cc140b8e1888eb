/**
 * The problems of options, in the words of their error messages.
 */

export interface Problem {
  readonly path: ReadonlyArray<string>
  readonly kind: "missing" | "unknown" | "wrong"
  readonly message: string
  /** The options that exist beside an unknown one. */
  readonly known: ReadonlyArray<string>
}

/** A problem of a value whose kind was right is more specific than one of a value whose kind was wrong. */
export interface Found extends Problem {
  readonly isSpecific: boolean
}

export const wrong = (path: ReadonlyArray<string>, message: string, isSpecific = false): Found => ({
  path,
  kind: "wrong",
  message,
  known: [],
  isSpecific
})

export const missing = (path: ReadonlyArray<string>): Found => ({
  path,
  kind: "missing",
  message: "it is missing",
  known: [],
  isSpecific: true
})

export const unknown = (path: ReadonlyArray<string>, known: ReadonlyArray<string>): Found => ({
  path,
  kind: "unknown",
  message: "unknown option",
  known,
  isSpecific: true
})

export const specific = (found: ReadonlyArray<Found>): ReadonlyArray<Found> =>
  found.map((problem) => ({ ...problem, isSpecific: true }))

/** Kinds of values, in words. */
export const either = (kinds: ReadonlyArray<string>): string =>
  kinds.length > 2 ? `${kinds.slice(0, -1).join(", ")} or ${kinds.at(-1)}` : kinds.join(" or ")
