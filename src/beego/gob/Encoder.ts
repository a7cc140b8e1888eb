// Writes values to gob streams: first all definitions, each in a message of its own, then the session in one message.
// Go reads that as well as its own order, in which definitions stand inside values and split them.
import * as Result from "#effect/Result"
import { defaultLimits, GobError, type Limits, limitExceeded } from "./GobError.js"
import {
  builtin,
  builtinIds,
  type Content,
  firstDefinedId,
  type GobSession,
  type GobType,
  type GobValue,
  type OpaqueEncoder,
  type StructField,
  sessionType
} from "./Value.js"
import { Writer } from "./Writer.js"

const builtinIdOf = new Map<string, number>(builtinIds.flatMap((type, id) => (type ? [[type.kind, id]] : [])))

const opaqueField: Record<OpaqueEncoder, number> = { GobEncoder: 5, BinaryMarshaler: 6, TextMarshaler: 7 }

class Encoder {
  private readonly ids = new Map<GobType, number>()
  private readonly message = new Writer()
  private values = 0

  constructor(private readonly limits: Limits) {}

  private spend(values: number): void {
    this.values += values
    if (this.values > this.limits.maxValues) {
      throw limitExceeded("values", this.limits.maxValues)
    }
    if (this.message.length > this.limits.maxBytes) {
      throw limitExceeded("bytes", this.limits.maxBytes)
    }
  }

  private enter(depth: number): void {
    if (depth > this.limits.maxDepth) {
      throw limitExceeded("levels", this.limits.maxDepth)
    }
  }

  session({ fields, others }: GobSession): Uint8Array {
    this.message.int(this.idOf(sessionType))
    this.message.uint(0)
    this.message.uint(fields.size + others.length)
    for (const [name, value] of fields) {
      this.spend(1)
      this.dynamic(stringValue(name), 2)
      this.dynamic(value, 2)
    }
    for (const [key, value] of others) {
      this.spend(1)
      this.dynamic(key, 2)
      this.dynamic(value, 2)
    }
    this.message.prefixLength(0)
    const stream = this.definitions()
    stream.raw(this.message.finish())
    if (stream.length > this.limits.maxBytes) {
      throw limitExceeded("bytes", this.limits.maxBytes)
    }
    return stream.finish()
  }

  private idOf(type: GobType): number {
    const builtin = builtinIdOf.get(type.kind)
    if (builtin !== undefined) {
      return builtin
    }
    const known = this.ids.get(type)
    if (known !== undefined) {
      return known
    }
    // Go's own first id for a type of the program; any would do.
    const id = firstDefinedId + 1 + this.ids.size
    this.ids.set(type, id)
    return id
  }

  /**
   * Writes the definitions of all types that the message uses, and of those that they use. Iterating over a Map also
   * visits entries that are added meanwhile.
   */
  private definitions(): Writer {
    const stream = new Writer()
    for (const [type, id] of this.ids) {
      this.spend(type.kind === "struct" ? 1 + type.fields.length : 1)
      const start = stream.length
      stream.int(-id)
      this.wireType(stream, type, id)
      stream.prefixLength(start)
    }
    return stream
  }

  private wireType(stream: Writer, type: GobType, id: number): void {
    switch (type.kind) {
      case "array":
        this.common(stream, 1, type.name, id)
        stream.uint(1)
        stream.int(this.idOf(type.elem))
        if (type.length !== 0) {
          stream.uint(1)
          stream.int(type.length)
        }
        break
      case "slice":
        this.common(stream, 2, type.name, id)
        stream.uint(1)
        stream.int(this.idOf(type.elem))
        break
      case "struct":
        this.common(stream, 3, type.name, id)
        if (type.fields.length > 0) {
          stream.uint(1)
          stream.uint(type.fields.length)
        }
        for (const field of type.fields) {
          this.nameAndId(stream, field.name, this.idOf(field.type))
        }
        break
      case "map":
        this.common(stream, 4, type.name, id)
        stream.uint(1)
        stream.int(this.idOf(type.key))
        stream.uint(1)
        stream.int(this.idOf(type.elem))
        break
      case "opaque":
        this.common(stream, opaqueField[type.encoder], type.name, id)
    }
    stream.uint(0)
    stream.uint(0)
  }

  /** Writes the kind of a type, as a field of `wireType`, and the `CommonType` that each kind begins with. */
  private common(stream: Writer, kind: number, name: string, id: number): void {
    stream.uint(kind)
    stream.uint(1)
    this.nameAndId(stream, name, id)
  }

  private nameAndId(stream: Writer, name: string, id: number): void {
    if (name !== "") {
      stream.uint(1)
      stream.text(name)
    }
    stream.uint(name === "" ? 2 : 1)
    stream.int(id)
    stream.uint(0)
  }

  private dynamic(value: GobValue | null, depth: number): void {
    if (value === null) {
      this.message.uint(0)
      return
    }
    this.message.text(value.goType)
    this.message.int(this.idOf(value.type))
    const start = this.message.length
    if (value.type.kind !== "struct") {
      this.message.uint(0)
    }
    this.content(value.type, value.content, depth)
    this.message.prefixLength(start)
  }

  /** Writes content, which has the shape that its type says (see `Content`): the casts rely on that. */
  private content(type: GobType, content: Content, depth: number): void {
    switch (type.kind) {
      case "bool":
        this.message.uint(content === true ? 1 : 0)
        break
      case "int":
        this.message.int(content as number | bigint)
        break
      case "uint":
        this.message.uint(content as number | bigint)
        break
      case "float":
        this.message.float(content as number)
        break
      case "complex":
        for (const part of content as readonly [number, number]) {
          this.message.float(part)
        }
        break
      case "string":
        if (typeof content === "string") {
          this.message.text(content)
        } else {
          this.message.bytes(content as Uint8Array)
        }
        break
      case "bytes":
      case "opaque":
        this.message.bytes(content as Uint8Array)
        break
      case "interface":
        this.dynamic(content as GobValue | null, depth)
        break
      case "slice":
      case "array":
        this.enter(depth)
        this.elements(type.elem, content as ReadonlyArray<Content>, depth + 1)
        break
      case "map":
        this.enter(depth)
        this.entries(type.key, type.elem, content as ReadonlyArray<readonly [Content, Content]>, depth + 1)
        break
      case "struct":
        this.enter(depth)
        this.fields(type.fields, content as ReadonlyArray<readonly [number, Content]>, depth + 1)
    }
  }

  private elements(elem: GobType, elements: ReadonlyArray<Content>, depth: number): void {
    this.message.uint(elements.length)
    for (const element of elements) {
      this.spend(1)
      this.content(elem, element, depth)
    }
  }

  private entries(
    key: GobType,
    elem: GobType,
    entries: ReadonlyArray<readonly [Content, Content]>,
    depth: number
  ): void {
    this.message.uint(entries.length)
    for (const entry of entries) {
      this.spend(1)
      this.content(key, entry[0], depth)
      this.content(elem, entry[1], depth)
    }
  }

  private fields(
    types: ReadonlyArray<StructField>,
    fields: ReadonlyArray<readonly [number, Content]>,
    depth: number
  ): void {
    let previous = -1
    for (const [index, field] of fields) {
      this.spend(1)
      this.message.uint(index - previous)
      this.content(types[index]!.type, field, depth)
      previous = index
    }
    this.message.uint(0)
  }
}

const stringValue = (text: string): GobValue => ({ goType: "string", type: builtin.string, content: text })

/**
 * Writes a session in the form that beego's `DecodeGob` reads. The only error is `LimitExceeded`: it refuses to write a
 * session that `decode` would refuse to read.
 *
 * Entries that nothing in this process knows lose nothing: `decode` keeps the name of each value's Go type, the whole
 * definition of its type and all of its content (for a type that encodes itself, like `time.Time`, its bytes), and
 * `encode` writes all that again, so Go reads the same value from it. The bytes around it may differ, as they do
 * between two runs of Go: ids of types are numbers of a process, and the place of definitions follows the order of a
 * map, which is random. Only the payload of a NaN is lost: every NaN becomes Go's `math.NaN()`.
 *
 * @example
 * import * as Beego from "effect-session/beego"
 *
 * const empty = Beego.Gob.encode({ fields: new Map(), others: [] })
 *
 * @since 3.0.0
 * @category codecs
 */
export const encode = (session: GobSession, limits: Limits = defaultLimits): Result.Result<Uint8Array, GobError> => {
  try {
    return Result.succeed(new Encoder(limits).session(session))
  } catch (error) {
    if (error instanceof GobError) {
      return Result.fail(error)
    }
    throw error
  }
}
