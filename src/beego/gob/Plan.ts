// Plans: how values of one shape are written as Go's and read from them.
import * as DateTime from "#effect/DateTime"
import { defaultLimits } from "./GobError.js"
import type { GoBasic } from "./GoType.js"
import { readAs, type ScalarKind, scalars, textContent } from "./Scalar.js"
import { elementsOf, entriesOf, Mismatch, type Typed } from "./Typed.js"
import { type BuiltinKind, type Content, type GobValue, mapOf, sliceOf } from "./Value.js"

/** A plan for one shape of value. Both functions throw a `Mismatch` if a value does not fit. */
export interface Plan {
  /** `depth` counts the values around this one; null is nil. */
  readonly write: (value: unknown, depth: number) => GobValue | null
  readonly read: (value: Typed) => unknown
}

/** The types that elements of slices and maps can have. */
export type ElemType = GoBasic | "interface {}"

const notNil = (value: Typed): NonNullable<Typed> => {
  if (value === null) {
    throw new Mismatch("expected a value, got nil")
  }
  return value
}

const within = (depth: number): void => {
  if (depth > defaultLimits.maxDepth) {
    throw new Mismatch("it nests too deep")
  }
}

export const nil = (value: null | undefined): Plan => ({
  write: () => null,
  read: (stored) => {
    if (stored !== null) {
      throw new Mismatch(`expected nil, got a Go ${stored.type.kind}`)
    }
    return value
  }
})

export const scalar = (kind: ScalarKind, goType: string): Plan => {
  const read = readAs(kind, goType)
  const writer = scalars[goType]
  return {
    write: (value) => {
      if (writer === undefined) {
        throw new Mismatch(`a ${kind} cannot be written as a Go ${goType}`)
      }
      return { goType, type: writer.type, content: writer.content(value) }
    },
    read: (value) => read(notNil(value))
  }
}

/** The kind of type that elements of a slice or map have on the wire. */
const elemKind = (goType: ElemType): BuiltinKind =>
  goType === "interface {}" ? "interface" : (scalars[goType]!.type.kind as BuiltinKind)

/** The element of a slice or map of this Go type: the value itself, or only its content. */
const elemContent = (goType: ElemType, value: GobValue | null): Content => {
  if (goType === "interface {}") {
    return value
  }
  if (value?.goType !== goType) {
    throw new Mismatch(`an element cannot be written as a Go ${goType}`)
  }
  return value.content
}

/** Arrays and tuples: `planAt` returns the plan of the element at an index. */
export const list = (elem: ElemType, planAt: (index: number, length: number) => Plan): Plan => {
  const goType = `[]${elem}`
  const type = sliceOf[elemKind(elem)]
  return {
    write: (value, depth) => {
      within(depth)
      if (!Array.isArray(value)) {
        throw new Mismatch("it is no array")
      }
      const content = value.map((element, i) => elemContent(elem, planAt(i, value.length).write(element, depth + 1)))
      return { goType, type, content }
    },
    read: (value) => elementsOf(notNil(value)).map((element, i, { length }) => planAt(i, length).read(element))
  }
}

const intKey = (key: string): Content => {
  const n = Number(key)
  if (!Number.isSafeInteger(n) || String(n) !== key) {
    throw new Mismatch("a key cannot be written as a Go int")
  }
  return n
}

/** Arrays of numbers that are bytes, such as those of Schema.Uint8Array. */
export const byteList = (planAt: (index: number, length: number) => Plan): Plan => ({
  write: scalar("bytes", "[]uint8").write,
  read: list("interface {}", planAt).read
})

/** Structs and records: `planOf` returns the plan of the value under a key, or undefined if none is known. */
export const record = (key: "string" | "int", elem: ElemType, planOf: (key: string) => Plan | undefined): Plan => {
  const goType = `map[${key}]${elem}`
  const type = mapOf[key][elemKind(elem)]
  const keyContent = key === "string" ? textContent : intKey
  return {
    write: (value, depth) => {
      within(depth)
      if (typeof value !== "object" || value === null) {
        throw new Mismatch("it is no object")
      }
      const content = Object.entries(value)
        .filter(([, element]) => element !== undefined)
        .map(([name, element]): [Content, Content] => [
          keyContent(name),
          elemContent(elem, (planOf(name) ?? anything).write(element, depth + 1))
        ])
      return { goType, type, content }
    },
    read: (value) =>
      Object.fromEntries(
        entriesOf(notNil(value)).flatMap(([name, element]) => {
          const plan = planOf(name)
          return plan === undefined ? [] : [[name, plan.read(element)]]
        })
      )
  }
}

/** A union: the first member that fits is used. */
export const union = (
  members: ReadonlyArray<{ readonly plan: Plan; readonly is: (value: unknown) => boolean }>
): Plan => ({
  write: (value, depth) => {
    const member = members.find(({ is }) => is(value))
    if (member === undefined) {
      throw new Mismatch("it is no member of the union")
    }
    return member.plan.write(value, depth)
  },
  read: (stored) => {
    for (const { is, plan } of members) {
      try {
        const value = plan.read(stored)
        if (is(value)) {
          return value
        }
      } catch (error) {
        if (!(error instanceof Mismatch)) {
          throw error
        }
      }
    }
    throw new Mismatch(`no member of the union fits a Go ${stored?.type.kind ?? "nil"}`)
  }
})

/** A plan that is made when it is first needed, since it may contain itself. */
export const lazy = (make: () => Plan): Plan => {
  let plan: Plan | undefined
  const force = () => (plan ??= make())
  return { write: (value, depth) => force().write(value, depth), read: (value) => force().read(value) }
}

const plain = {
  string: scalar("string", "string"),
  number: scalar("number", "float64"),
  boolean: scalar("boolean", "bool"),
  bigint: scalar("bigint", "int64"),
  bytes: scalar("bytes", "[]uint8"),
  time: scalar("Date", "time.Time"),
  list: list("interface {}", () => anything),
  record: record("string", "interface {}", () => anything),
  nil: nil(null)
}

/** Values that the Schema does not describe, each by its own type: numbers are `float64`, as in Go's encoding/json. */
export const anything: Plan = {
  write: (value, depth) => planFor(value).write(value, depth),
  read: (value) => {
    if (value === null) {
      return null
    }
    switch (value.type.kind) {
      case "slice":
      case "array":
        return plain.list.read(value)
      case "map":
      case "struct":
        return plain.record.read(value)
      case "bytes":
        return plain.bytes.read(value)
      case "opaque":
        return value.type.name === "Time" ? plain.time.read(value) : new Uint8Array(value.content as Uint8Array)
      default:
        return value.content
    }
  }
}

const planFor = (value: unknown): Plan => {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "bigint":
      return plain[typeof value as "string"]
    case "undefined":
      return plain.nil
    case "object":
      return planForObject(value)
    default:
      throw new Mismatch(`a ${typeof value} cannot be written as a Go value`)
  }
}

const planForObject = (value: object | null): Plan => {
  if (value === null) {
    return plain.nil
  }
  if (value instanceof Uint8Array) {
    return plain.bytes
  }
  if (value instanceof Date || DateTime.isDateTime(value)) {
    return plain.time
  }
  if (Array.isArray(value)) {
    return plain.list
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    return plain.record
  }
  throw new Mismatch("an object of a class cannot be written as a Go value")
}
