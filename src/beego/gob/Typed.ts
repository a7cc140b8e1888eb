// Access to the parts of values while a field is read, whichever Go type holds them.
import { zeroTime } from "./Time.js"
import type { Content, GobType, GobValue } from "./Value.js"

/** Thrown if a value is not what a field can hold; `field` turns it into a Left. The message holds no value. */
export class Mismatch {
  constructor(readonly message: string) {}
}

/** A value inside another one, which has a Go type's name only if an interface holds it; null is nil. */
export type Typed = Pick<GobValue, "type" | "content"> | null

const part = (type: GobType, content: Content): Typed =>
  type.kind === "interface" ? (content as GobValue | null) : { type, content }

/** The elements of a slice or array. `[]byte` has numbers. */
export const elementsOf = ({ type, content }: NonNullable<Typed>): ReadonlyArray<Typed> => {
  switch (type.kind) {
    case "slice":
    case "array":
      return (content as ReadonlyArray<Content>).map((element) => part(type.elem, element))
    case "bytes":
      return Array.from(content as Uint8Array, (byte) => ({ type: { kind: "uint" }, content: byte }))
    default:
      throw new Mismatch(`expected a Go slice, got ${type.kind}`)
  }
}

/**
 * The entries of a map with keys that are text or integers, or the fields of a struct, including those that are zero.
 */
export const entriesOf = ({ type, content }: NonNullable<Typed>): ReadonlyArray<readonly [string, Typed]> => {
  switch (type.kind) {
    case "map":
      return (content as ReadonlyArray<readonly [Content, Content]>).map(([key, element]) => [
        keyOf(part(type.key, key)),
        part(type.elem, element)
      ])
    case "struct": {
      const there = new Map(content as ReadonlyArray<readonly [number, Content]>)
      return type.fields.map((field, index) => [field.name, part(field.type, there.get(index) ?? zeroOf(field.type))])
    }
    default:
      throw new Mismatch(`expected a Go map or struct, got ${type.kind}`)
  }
}

const keyOf = (key: Typed): string => {
  switch (typeof key?.content) {
    case "string":
    case "number":
    case "bigint":
      return String(key.content)
    default:
      throw new Mismatch("a Go map has keys that are neither text nor integers")
  }
}

/** The zero of a type, for a field that a struct leaves out. Its parts are made when they are needed. */
const zeroOf = (type: GobType): Content => {
  switch (type.kind) {
    case "bool":
      return false
    case "int":
    case "uint":
    case "float":
      return 0
    case "complex":
      return [0, 0]
    case "string":
      return ""
    case "interface":
      return null
    case "bytes":
      return new Uint8Array()
    case "opaque":
      return type.name === "Time" ? zeroTime : new Uint8Array()
    case "slice":
    case "array":
    case "map":
    case "struct":
      return []
  }
}
