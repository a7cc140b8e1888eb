/** The part of the tries of chance that is made on this Effect. */
export const share = 1
