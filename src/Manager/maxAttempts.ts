/**
 * How often a change is tried that conflicts with those of other processes: within this one, changes of a session take turns.
 */
export const maxAttempts = 24
