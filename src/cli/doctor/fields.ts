/**
 * What a server says of itself, by name: the INFO of Redis, or the stats of memcached.
 */
export type Fields = ReadonlyMap<string, string>

/** A field's number; NaN, which no comparison holds for, if the server does not tell it. */
export const numberOf = (fields: Fields, name: string): number => Number(fields.get(name) ?? Number.NaN)
