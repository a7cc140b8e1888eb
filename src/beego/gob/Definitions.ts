// The types that a stream defines: gob's `wireType` structs, which are read and linked to each other.
import { malformed } from "./GobError.js"
import type { Reader } from "./Reader.js"
import {
  builtin,
  builtinIds,
  builtinKinds,
  firstDefinedId,
  type GobType,
  mapOf,
  type StructField,
  sliceOf
} from "./Value.js"

type Writable<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never

/**
 * The kinds of definitions, in the order of `wireType`'s fields, each with the fields of its struct (encoding/gob,
 * type.go).
 */
const wireTypes = [
  { kind: "array", fields: ["name", "elem", "length"] },
  { kind: "slice", fields: ["name", "elem"] },
  { kind: "struct", fields: ["name", "fields"] },
  { kind: "map", fields: ["name", "key", "elem"] },
  { kind: "GobEncoder", fields: ["name"] },
  { kind: "BinaryMarshaler", fields: ["name"] },
  { kind: "TextMarshaler", fields: ["name"] }
] as const

type WireType = (typeof wireTypes)[number]

/** A definition while it is read; each kind has some of these fields. `key` and `elem` are ids of types. */
interface Definition {
  name: string
  key: number
  elem: number
  length: number
  readonly fields: Array<{ readonly name: string; readonly id: number }>
}

export class Definitions {
  private readonly types = new Map<number, GobType>()
  /** Links to be made for the types that were read last: they may use types that come after them. */
  private unlinked: Array<() => void> = []

  /** `spend` is called for each definition and struct field, before it is kept. */
  constructor(
    private readonly reader: Reader,
    private readonly spend: (values: number) => void
  ) {}

  /** Returns the type with this id. All types must be complete by now. */
  get(id: number): GobType {
    if (this.unlinked.length > 0) {
      for (const link of this.unlinked) {
        link()
      }
      this.unlinked = []
    }
    return this.find(id)
  }

  private find(id: number): GobType {
    const type = builtinIds[id] ?? this.types.get(id)
    if (type === undefined) {
      throw malformed("a type is used that is not defined")
    }
    return type
  }

  /** Reads the definition of the type with this id: a `wireType` struct with exactly one field. */
  define(id: number): void {
    if (id < firstDefinedId || this.types.has(id)) {
      throw malformed("a type is defined twice, or has an id of gob's own")
    }
    this.spend(1)
    const field = this.nextField(0)
    const wireType = wireTypes[field - 1]
    if (wireType === undefined) {
      throw malformed("a type is of no known kind")
    }
    const definition = this.definition(wireType)
    if (this.nextField(field) !== 0) {
      throw malformed("a type is defined as two kinds")
    }
    this.types.set(id, this.make(wireType.kind, definition))
  }

  private make(kind: WireType["kind"], { name, key, elem, length, fields }: Definition): GobType {
    switch (kind) {
      case "array": {
        const type: Writable<GobType & { kind: "array" }> = { kind, name, elem: builtin.bool, length }
        this.unlinked.push(() => {
          type.elem = this.find(elem)
        })
        return type
      }
      case "slice": {
        const known = builtinKinds[elem - 1]
        if (known !== undefined) {
          return sliceOf[known]
        }
        const type: Writable<GobType & { kind: "slice" }> = { kind, name, elem: builtin.bool }
        this.unlinked.push(() => {
          type.elem = this.find(elem)
        })
        return type
      }
      case "struct": {
        const linked: Array<StructField> = []
        this.unlinked.push(() => {
          for (const field of fields) {
            linked.push({ name: field.name, type: this.find(field.id) })
          }
        })
        return { kind, name, fields: linked }
      }
      case "map": {
        const knownKey = builtinKinds[key - 1]
        const knownElem = builtinKinds[elem - 1]
        if (knownKey !== undefined && knownElem !== undefined) {
          return mapOf[knownKey][knownElem]
        }
        const type: Writable<GobType & { kind: "map" }> = { kind, name, key: builtin.bool, elem: builtin.bool }
        this.unlinked.push(() => {
          type.key = this.find(key)
          type.elem = this.find(elem)
        })
        return type
      }
      default:
        return { kind: "opaque", name, encoder: kind }
    }
  }

  private definition({ fields }: WireType): Definition {
    const definition: Definition = { name: "", key: 0, elem: 0, length: 0, fields: [] }
    for (let field = this.nextField(0); field !== 0; field = this.nextField(field)) {
      switch (fields[field - 1]) {
        case "name":
          definition.name = this.nameAndId().name
          break
        case "key":
          definition.key = this.reader.smallInt()
          break
        case "elem":
          definition.elem = this.reader.smallInt()
          break
        case "length":
          definition.length = this.reader.smallInt()
          break
        case "fields":
          for (let count = this.reader.count(); count > 0; count--) {
            this.spend(1)
            definition.fields.push(this.nameAndId())
          }
          break
        default:
          throw malformed("a type definition has a field of no known meaning")
      }
    }
    return definition
  }

  /** Reads a `CommonType` or a `fieldType`: both are a name and an id. */
  private nameAndId(): { readonly name: string; readonly id: number } {
    let name = ""
    let id = 0
    for (let field = this.nextField(0); field !== 0; field = this.nextField(field)) {
      if (field === 1) {
        name = this.reader.name()
      } else if (field === 2) {
        id = this.reader.smallInt()
      } else {
        throw malformed("a type definition has a field of no known meaning")
      }
    }
    return { name, id }
  }

  /** Returns the number of a struct's next field, 0 at its end. */
  private nextField(field: number): number {
    const delta = this.reader.smallUint()
    return delta === 0 ? 0 : field + delta
  }
}
