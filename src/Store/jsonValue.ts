// Copies JSON values. A session stores copies and returns copies, so that a value that a handler changes in place is
// never half stored.

/**
 * The most levels of arrays and objects in a value. `JSON.stringify` and recursive Schemas overflow the stack only at
 * deeper levels.
 */
export const maxDepth = 500

/** Sets a key, even `__proto__`: `target["__proto__"] = value` would set the prototype instead. */
export const put = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, configurable: true, enumerable: true, writable: true })
  } else {
    target[key] = value
  }
}

/**
 * Copies a value as JSON would: without properties that are `undefined`, and with 0 for -0. Returns `undefined` if JSON
 * would change the value into another (a Date, NaN, a Map) or could not hold it at all (a cycle, a bigint); `other` may
 * take such values, but for cycles and numbers.
 */
export const copyJson = (value: unknown, other: Other = refuse, depth = maxDepth): unknown => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value + 0 : undefined
    case "object":
      return value === null
        ? null
        : depth === 0
          ? undefined
          : Array.isArray(value)
            ? copyArray(value, other, depth - 1)
            : copyObject(value, other, depth - 1)
    default:
      return other(value)
  }
}

type Other = (value: unknown) => unknown

const refuse: Other = () => undefined

const copyArray = (values: ReadonlyArray<unknown>, other: Other, depth: number): unknown => {
  const copy: Array<unknown> = []
  // Not `map`: it skips holes, which JSON changes to null.
  for (let i = 0; i < values.length; i++) {
    const element = copyJson(values[i], other, depth)
    if (element === undefined) {
      return undefined
    }
    copy.push(element)
  }
  return copy
}

const copyObject = (value: object, other: Other, depth: number): unknown => {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    return other(value)
  }
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const element = (value as Record<string, unknown>)[key]
    if (element !== undefined) {
      const copied = copyJson(element, other, depth)
      if (copied === undefined) {
        return undefined
      }
      put(copy, key, copied)
    }
  }
  return copy
}
