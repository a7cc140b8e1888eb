// Reads gob streams into values.
import * as Result from "#effect/Result"
import { Definitions } from "./Definitions.js"
import { defaultLimits, GobError, type Limits, limitExceeded, malformed } from "./GobError.js"
import { Reader } from "./Reader.js"
import type { Content, GobSession, GobType, GobValue } from "./Value.js"

class Decoder {
  private readonly reader: Reader
  private readonly definitions: Definitions
  private values = 0

  constructor(
    bytes: Uint8Array,
    private readonly limits: Limits
  ) {
    this.reader = new Reader(bytes)
    this.definitions = new Definitions(this.reader, (values) => this.spend(values))
  }

  private spend(values: number): void {
    this.values += values
    if (this.values > this.limits.maxValues) {
      throw limitExceeded("values", this.limits.maxValues)
    }
  }

  private enter(depth: number): void {
    if (depth > this.limits.maxDepth) {
      throw limitExceeded("levels", this.limits.maxDepth)
    }
  }

  session(): GobSession {
    this.reader.uint()
    const type = this.definedType()
    if (type.kind !== "map" || type.key.kind !== "interface" || type.elem.kind !== "interface") {
      throw malformed("the stream holds something other than a map[interface{}]interface{}")
    }
    this.marker()
    const fields = new Map<string, GobValue>()
    const others: Array<readonly [GobValue | null, GobValue | null]> = []
    for (let count = this.count(); count > 0; count--) {
      const key = this.dynamic(2)
      const value = this.dynamic(2)
      if (key !== null && value !== null && key.goType === "string" && typeof key.content === "string") {
        fields.set(key.content, value)
      } else {
        others.push([key, value])
      }
    }
    return { fields, others }
  }

  /**
   * Reads the type of the next value, after any definitions. A definition ends its message, even inside a value, and
   * the value goes on in a new one. So the lengths of messages, and of values in interfaces, do not tell where anything
   * ends, and are skipped as Go skips them.
   */
  private definedType(): GobType {
    let id = this.reader.smallInt()
    while (id < 0) {
      this.definitions.define(-id)
      this.reader.uint()
      id = this.reader.smallInt()
    }
    return this.definitions.get(id)
  }

  /** Reads the marker that a message or an interface has before a value that is not a struct. */
  private marker(): void {
    if (this.reader.uint() !== 0) {
      throw malformed("a value does not begin as it must")
    }
  }

  private count(): number {
    const count = this.reader.count()
    this.spend(count)
    return count
  }

  /** Reads the value of an interface: the name of its Go type, then its type's id, its length, and the value itself. */
  private dynamic(depth: number): GobValue | null {
    const goType = this.reader.name()
    if (goType === "") {
      return null
    }
    const type = this.definedType()
    this.reader.uint()
    if (type.kind === "interface") {
      throw malformed("an interface holds an interface")
    }
    if (type.kind !== "struct") {
      this.marker()
    }
    return { goType, type, content: this.content(type, depth) }
  }

  private content(type: GobType, depth: number): Content {
    switch (type.kind) {
      case "string":
        return this.reader.text()
      case "int":
        return this.reader.int()
      case "interface":
        return this.dynamic(depth)
      case "bool":
        return this.reader.bool()
      case "float":
        return this.reader.float()
      case "uint":
        return this.reader.uint()
      case "complex":
        return [this.reader.float(), this.reader.float()]
      case "bytes":
      case "opaque":
        return this.reader.view()
      case "map":
        this.enter(depth)
        return this.entries(type.key, type.elem, depth + 1)
      case "slice":
      case "array":
        this.enter(depth)
        return this.elements(type.elem, depth + 1)
      case "struct":
        this.enter(depth)
        return this.fields(type.fields, depth + 1)
    }
  }

  private elements(elem: GobType, depth: number): ReadonlyArray<Content> {
    const elements: Array<Content> = []
    for (let count = this.count(); count > 0; count--) {
      elements.push(this.content(elem, depth))
    }
    return elements
  }

  private entries(key: GobType, elem: GobType, depth: number): ReadonlyArray<readonly [Content, Content]> {
    const entries: Array<readonly [Content, Content]> = []
    for (let count = this.count(); count > 0; count--) {
      entries.push([this.content(key, depth), this.content(elem, depth)])
    }
    return entries
  }

  private fields(
    types: ReadonlyArray<{ readonly type: GobType }>,
    depth: number
  ): ReadonlyArray<readonly [number, Content]> {
    const fields: Array<readonly [number, Content]> = []
    for (let index = -1, delta = this.reader.smallUint(); delta !== 0; delta = this.reader.smallUint()) {
      index += delta
      const field = types[index]
      if (field === undefined) {
        throw malformed("a struct has a field that its type does not have")
      }
      this.spend(1)
      fields.push([index, this.content(field.type, depth)])
    }
    return fields
  }
}

/**
 * Reads a session that beego's `EncodeGob` wrote. Returns a value or a typed error for any input, in time and memory
 * proportional to the number of bytes. Bytes after the session are ignored, as in Go. The values share memory with
 * `bytes`.
 *
 * @example
 * import * as Beego from "effect-session/beego"
 *
 * const read = (bytes: Uint8Array) => Beego.Gob.decode(bytes)
 *
 * @since 3.0.0
 * @category codecs
 */
export const decode = (bytes: Uint8Array, limits: Limits = defaultLimits): Result.Result<GobSession, GobError> => {
  if (bytes.length > limits.maxBytes) {
    return Result.fail(limitExceeded("bytes", limits.maxBytes))
  }
  try {
    return Result.succeed(new Decoder(bytes, limits).session())
  } catch (error) {
    if (error instanceof GobError) {
      return Result.fail(error)
    }
    throw error
  }
}
