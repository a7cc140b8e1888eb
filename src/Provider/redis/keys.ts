/**
 * Which keys are sessions', in a server that others use too: a longer prefix may begin with this one's.
 */

/** The ids that the manager makes have at least 16 random bytes, a prefix of at most 32 characters, and these letters. */
const form = /^[\w-]{22,224}$/

/** Whether what follows the prefix in a key can be a session's id. */
export const isId = (text: string): boolean => form.test(text)

/**
 * Whether a cluster keeps the keys of a session's ids together: it hashes what is in the first braces, or the whole key
 * if there is nothing in them.
 */
export const keepsHashTag = (prefix: string): boolean => !/^[^{]*\{\}/.test(prefix)
