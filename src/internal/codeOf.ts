/**
 * The code of a driver's error.
 */

/** A code of the system's (`ECONNREFUSED`) or of a server's (`23505`), which holds no id and no value; nothing if there is none. */
export const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" &&
  cause !== null &&
  "code" in cause &&
  (typeof cause.code === "string" || typeof cause.code === "number")
    ? String(cause.code)
    : undefined
