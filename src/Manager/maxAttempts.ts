/**
 * The most attempts of a change that conflicts with those of other processes. Within this process, changes of a session
 * take turns.
 */
export const maxAttempts = 24
