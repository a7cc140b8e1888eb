/**
 * Reads structured fields (RFC 9651), as far as bound sessions need them: lists of items with parameters, and strings.
 */

/** An item of a list: the text of a token or a string, and those of its parameters. */
export interface Item {
  readonly text: string
  readonly parameters: ReadonlyMap<string, string>
}

/** A field of this length or more is not read: no browser sends one. */
const mostCharacters = 4096

const bare =
  /("(?:[ !#-[\]-~]|\\["\\])*")|[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*|\?[01]|:[A-Za-z0-9+/=]*:|-?\d{1,15}(?:\.\d{1,3})?|@-?\d{1,15}/y
const parameterKey = /; *([a-z*][a-z0-9_\-.*]*)(=?)/y
const comma = /[ \t]*,[ \t]*/y
const spaces = / */y

/** Reads a list; it is empty if the text is none, as RFC 9651 (4.2) asks for. Never throws. */
export const readList = (field: string): ReadonlyArray<Item> => {
  if (field.length >= mostCharacters) {
    return []
  }
  let at = 0
  const next = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(field) ?? undefined
    at += found?.[0].length ?? 0
    return found
  }
  const value = (): string | undefined => {
    const found = next(bare)
    return found && (found[1] === undefined ? found[0] : unquoted(found[1]))
  }
  const items: Array<Item> = []
  next(spaces)
  while (true) {
    const text = value()
    if (text === undefined) {
      return []
    }
    const parameters = new Map<string, string>()
    for (let found = next(parameterKey); found !== undefined; found = next(parameterKey)) {
      const given = found[2] === "" ? "?1" : value()
      if (given === undefined) {
        return []
      }
      parameters.set(found[1]!, given)
    }
    items.push({ text, parameters })
    if (next(comma) === undefined) {
      next(spaces)
      return at === field.length ? items : []
    }
  }
}

const unquoted = (text: string): string => text.slice(1, -1).replace(/\\(["\\])/g, "$1")

/** The text of a field that is a string or, as browsers wrote it before, the text alone. */
export const readText = (field: string): string =>
  field.length >= 2 && field.startsWith('"') && field.endsWith('"') ? unquoted(field) : field
