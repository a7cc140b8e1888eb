/** The part of the tries of chance that is made on this Effect: all of them are made on Effect 4. */
export const share = 1 / 3
