// The types that a stream defines: gob's `wireType` structs, read and linked to each other.
import { malformed } from "./GobError.js"
import type { Reader } from "./Reader.js"
import {
  builtin,
  builtinIds,
  builtinKinds,
  firstDefinedId,
  type GobType,
  mapOf,
  type OpaqueEncoder,
  type StructField,
  sliceOf
} from "./Value.js"

type Writable<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never

/** A definition as it is read. All kinds have the same shape but for what their second and third field mean. */
interface Definition {
  name: string
  second: number
  third: number
  readonly fields: Array<{ readonly name: string; readonly id: number }>
}

const opaqueEncoders: ReadonlyArray<OpaqueEncoder> = ["GobEncoder", "BinaryMarshaler", "TextMarshaler"]

export class Definitions {
  private readonly types = new Map<number, GobType>()
  /** What is left to do for the types that were read last: they may use types that come after them. */
  private unlinked: Array<() => void> = []

  /** `spend` is called for each definition and struct field, before it is kept. */
  constructor(
    private readonly reader: Reader,
    private readonly spend: (values: number) => void
  ) {}

  /** The type with this id. All types must be complete by now. */
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

  /** Reads the definition of the type with this id: a `wireType` struct, of which exactly one field is there. */
  define(id: number): void {
    if (id < firstDefinedId || this.types.has(id)) {
      throw malformed("a type is defined twice, or has an id of gob's own")
    }
    this.spend(1)
    const kind = this.nextField(0)
    const definition = this.definition(kind)
    if (this.nextField(kind) !== 0) {
      throw malformed("a type is defined as two kinds")
    }
    this.types.set(id, this.make(kind, definition))
  }

  private make(kind: number, { name, second, third, fields }: Definition): GobType {
    switch (kind) {
      case 1: {
        const type: Writable<GobType & { kind: "array" }> = { kind: "array", name, elem: builtin.bool, length: third }
        this.unlinked.push(() => {
          type.elem = this.find(second)
        })
        return type
      }
      case 2: {
        const elem = builtinKinds[second - 1]
        if (elem !== undefined) {
          return sliceOf[elem]
        }
        const type: Writable<GobType & { kind: "slice" }> = { kind: "slice", name, elem: builtin.bool }
        this.unlinked.push(() => {
          type.elem = this.find(second)
        })
        return type
      }
      case 3: {
        const linked: Array<StructField> = []
        this.unlinked.push(() => {
          for (const field of fields) {
            linked.push({ name: field.name, type: this.find(field.id) })
          }
        })
        return { kind: "struct", name, fields: linked }
      }
      case 4: {
        const key = builtinKinds[second - 1]
        const elem = builtinKinds[third - 1]
        if (key !== undefined && elem !== undefined) {
          return mapOf[key][elem]
        }
        const type: Writable<GobType & { kind: "map" }> = { kind: "map", name, key: builtin.bool, elem: builtin.bool }
        this.unlinked.push(() => {
          type.key = this.find(second)
          type.elem = this.find(third)
        })
        return type
      }
      default:
        return { kind: "opaque", name, encoder: opaqueEncoders[kind - 5]! }
    }
  }

  /** One of `arrayType`, `sliceType`, `structType`, `mapType`, `gobEncoderType`: fields 1 to 7 of `wireType`. */
  private definition(kind: number): Definition {
    if (kind < 1 || kind > 7) {
      throw malformed("a type is of no known kind")
    }
    const definition: Definition = { name: "", second: 0, third: 0, fields: [] }
    for (let field = this.nextField(0); field !== 0; field = this.nextField(field)) {
      if (field === 1) {
        definition.name = this.nameAndId().name
      } else if (field === 2 && kind === 3) {
        for (let count = this.reader.count(); count > 0; count--) {
          this.spend(1)
          definition.fields.push(this.nameAndId())
        }
      } else if (field === 2 && kind < 5) {
        definition.second = this.reader.smallInt()
      } else if (field === 3 && (kind === 1 || kind === 4)) {
        definition.third = this.reader.smallInt()
      } else {
        throw malformed("a type definition has a field of no known meaning")
      }
    }
    return definition
  }

  /** `CommonType` and `fieldType` alike are a name and an id. */
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

  /** The number of a struct's next field, 0 at its end. */
  private nextField(field: number): number {
    const delta = this.reader.smallUint()
    return delta === 0 ? 0 : field + delta
  }
}
