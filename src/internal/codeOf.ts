/**
 * The code of a driver's error.
 */

/**
 * The code of an error, from the system (`ECONNREFUSED`) or a server (`23505`), which holds no id or value; undefined
 * if there is none. An error that has none may have been made of one that has.
 */
export const codeOf = (cause: unknown): string | undefined =>
  typeof cause !== "object" || cause === null
    ? undefined
    : // The numbers of DOMExceptions tell less than their names.
      "code" in cause && isCode(cause.code) && !(cause instanceof DOMException)
      ? String(cause.code)
      : "cause" in cause && cause.cause !== cause
        ? codeOf(cause.cause)
        : undefined

const isCode = (code: unknown): code is string | number => typeof code === "string" || typeof code === "number"
