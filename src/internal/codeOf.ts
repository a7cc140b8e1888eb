/**
 * The code of a driver's error.
 */

/**
 * The code of an error, from the system (`ECONNREFUSED`) or a server (`23505`), which holds no id or value; undefined
 * if there is none. An error that has none may have been made of one that has.
 */
export const codeOf = (cause: unknown, depth = 0): string | undefined =>
  typeof cause !== "object" || cause === null
    ? undefined
    : // The numbers of DOMExceptions tell less than their names.
      "code" in cause && isCode(cause.code) && !(cause instanceof DOMException)
      ? String(cause.code)
      : // Two errors may be the cause of each other.
        "cause" in cause && depth < 8
        ? codeOf(cause.cause, depth + 1)
        : undefined

const isCode = (code: unknown): code is string | number => typeof code === "string" || typeof code === "number"
