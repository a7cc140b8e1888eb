/**
 * The code of a driver's error.
 */

/**
 * The code of an error, from the system (`ECONNREFUSED`) or a server (`23505`), which holds no id or value; undefined
 * if there is none.
 */
export const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" &&
  cause !== null &&
  "code" in cause &&
  (typeof cause.code === "string" || typeof cause.code === "number")
    ? String(cause.code)
    : undefined
