// Says what a decoded gob value is in the form of vectors.json, so that it can be compared with what real Go says.
import { Buffer } from "node:buffer"
import type { Gob } from "effect-session/beego"

/** `t` is the Go type; what else is there depends on it. */
export interface Description {
  readonly t: string
  readonly [key: string]: unknown
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

const bits = (n: number): string => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, n)
  return view.getBigUint64(0).toString(16).padStart(16, "0")
}

const scalarNames: Record<string, string> = {
  float: "float64",
  bytes: "[]uint8",
  complex: "complex128",
  interface: "interface {}"
}

/** The Go type's name as far as the wire tells it: without widths and packages. */
const wireName = (type: Gob.GobType): string => {
  switch (type.kind) {
    case "slice":
      return `[]${wireName(type.elem)}`
    case "array":
      return `[${type.length}]${wireName(type.elem)}`
    case "map":
      return `map[${wireName(type.key)}]${wireName(type.elem)}`
    case "struct":
    case "opaque":
      return type.name
    default:
      return scalarNames[type.kind] ?? type.kind
  }
}

/** `map[K]V` or `[]E` in parts. */
const parts = (goType: string): { readonly key: string; readonly elem: string } | undefined => {
  const start = goType.indexOf("[")
  if (start > 3) {
    return undefined
  }
  let depth = 0
  for (let i = start; i < goType.length && i >= 0; i++) {
    depth += goType[i] === "[" ? 1 : goType[i] === "]" ? -1 : 0
    if (depth === 0) {
      return { key: goType.slice(start + 1, i), elem: goType.slice(i + 1) }
    }
  }
  return undefined
}

const describeContent = (goType: string, type: Gob.GobType, content: any): Description => {
  if (goType.startsWith("*")) {
    return { t: goType, ptr: describeContent(goType.slice(1), type, content) }
  }
  const t = goType
  switch (type.kind) {
    case "bool":
      return { t, v: content }
    case "int":
    case "uint":
      return { t, v: String(content) }
    case "float":
      return { t, bits: bits(content) }
    case "complex":
      return { t, re: String(content[0]), im: String(content[1]) }
    case "string":
      return { t, utf8hex: hex(typeof content === "string" ? Buffer.from(content) : content) }
    case "bytes":
      return { t, hex: hex(content) }
    case "opaque":
      return { t, [type.name === "Time" ? "gobHex" : "opaqueHex"]: hex(content) }
    case "interface":
      return describeValue(content)
    case "slice":
    case "array": {
      const elem = parts(t)?.elem ?? wireName(type.elem)
      return { t, items: content.map((item: Gob.Content) => describeContent(elem, type.elem, item)) }
    }
    case "map": {
      const { elem, key } = parts(t) ?? { key: wireName(type.key), elem: wireName(type.elem) }
      return {
        t,
        entries: content.map(([k, v]: [Gob.Content, Gob.Content]) => [
          describeContent(key, type.key, k),
          describeContent(elem, type.elem, v)
        ])
      }
    }
    case "struct":
      return {
        t,
        struct: true,
        fields: content.map(([index, field]: [number, Gob.Content]) => {
          const { name, type: fieldType } = type.fields[index]!
          return [name, describeContent(wireName(fieldType), fieldType, field)]
        })
      }
  }
}

export const describeValue = (value: Gob.GobValue | null): Description =>
  value === null ? { t: "nil" } : describeContent(value.goType, value.type, value.content)

export const describeSession = ({ fields, others }: Gob.GobSession): Description => ({
  t: "map[interface {}]interface {}",
  entries: [
    ...Array.from(fields, ([key, value]) => [{ t: "string", utf8hex: hex(Buffer.from(key)) }, describeValue(value)]),
    ...others.map(([key, value]) => [describeValue(key), describeValue(value)])
  ]
})

const isNaN = (bitsHex: string): boolean => (BigInt(`0x${bitsHex}`) & ((1n << 63n) - 1n)) > 0x7ffn << 52n

const zeroTime = "01000000000000000000000000ffff"

/** Fields of structs that are zero are not on the wire. */
const isZero = (d: any): boolean =>
  d.v === "0" ||
  d.v === false ||
  d.bits === "0000000000000000" ||
  (d.re === 0 && d.im === 0) ||
  d.utf8hex === "" ||
  d.hex === "" ||
  d.gobHex === zeroTime ||
  d.nil === true ||
  d.items?.every(isZero) ||
  d.entries?.length === 0 ||
  d.fields?.length === 0

/**
 * A description with one form for what is the same: entries sorted, what repeats something else left out, one NaN, and inside
 * of structs neither the types of fields, which the wire does not tell, nor fields that are zero.
 */
export const comparable = (description: any, inStruct = false): unknown => {
  if (inStruct && description.ptr !== undefined) {
    return comparable(description.ptr, true)
  }
  const { bits, entries, fields, im, items, ptr, re, t, v } = description
  const { gobHex, hex, opaqueHex, utf8hex } = description
  const out: Record<string, unknown> = inStruct ? { nil: t === "nil" } : { t }
  Object.assign(out, { gobHex, hex, opaqueHex, utf8hex })
  if (typeof v === "boolean" || (bits === undefined && utf8hex === undefined)) {
    out["v"] = v
  }
  if (bits !== undefined) {
    out["bits"] = isNaN(bits) ? "NaN" : bits
  }
  if (re !== undefined) {
    Object.assign(out, { re: Number(re), im: Number(im) })
  }
  if (ptr !== undefined) {
    out["ptr"] = comparable(ptr)
  }
  if (items !== undefined) {
    out["items"] = items.map((item: unknown) => comparable(item, inStruct))
  }
  if (fields !== undefined) {
    out["fields"] = fields
      .map(([name, field]: [string, unknown]) => [name, comparable(field, true)])
      .filter(([, field]: [string, unknown]) => !isZero(field))
  }
  if (entries !== undefined) {
    out["entries"] = entries
      .map((entry: ReadonlyArray<unknown>) => entry.map((part) => comparable(part, inStruct)))
      .map((entry: unknown) => [JSON.stringify(entry), entry] as const)
      .sort((a: readonly [string, unknown], b: readonly [string, unknown]) => (a[0] < b[0] ? -1 : 1))
      .map(([, entry]: readonly [string, unknown]) => entry)
  }
  return out
}
