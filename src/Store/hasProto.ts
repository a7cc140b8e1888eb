/** Whether there is a key `__proto__` anywhere in a value, which may be cyclic, and of any depth. */
export const hasProto = (value: unknown): boolean => {
  const seen = new Set<unknown>()
  const left = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next) || seen.has(next)) {
      continue
    }
    if (Object.hasOwn(next, "__proto__")) {
      return true
    }
    seen.add(next)
    for (const part of Object.values(next)) {
      left.push(part)
    }
  }
  return false
}
