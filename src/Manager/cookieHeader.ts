/**
 * Finds a session's cookies in a Cookie header (RFC 6265bis 5.8.3). `@effect/platform` parses all cookies into an
 * object, takes the first of several and loses names such as `constructor`.
 */

/** A Cookie header of this length or more is not searched: no browser sends one. */
const maxCookieHeader = 64 * 1024

/** Calls `found` with the value of each cookie whose name starts with `name`, and with the rest of its name. */
const search = (header: string, name: string, found: (rest: string, value: string) => void): void => {
  if (header.length >= maxCookieHeader) {
    return
  }
  let at = 0
  while (at < header.length) {
    let end = header.indexOf(";", at)
    if (end === -1) {
      end = header.length
    }
    while (header.charCodeAt(at) === 32 || header.charCodeAt(at) === 9) {
      at++
    }
    if (header.startsWith(name, at)) {
      const pair = header.slice(at, end)
      const equals = pair.indexOf("=", name.length)
      if (equals !== -1) {
        found(pair.slice(name.length, equals), pair.slice(equals + 1).trimEnd())
      }
    }
    at = end + 1
  }
}

/** Returns the values of the cookies `name`, in the order in which they were sent. */
export const findCookies = (header: string, name: string): ReadonlyArray<string> => {
  const values: Array<string> = []
  search(header, name, (rest, value) => {
    if (rest === "") {
      values.push(value)
    }
  })
  return values
}

/** Returns the numbers of the cookies `name` (0), `name.1`, `name.2` and so on that were sent, each with its values. */
export const findParts = (header: string, name: string): ReadonlyMap<number, ReadonlyArray<string>> => {
  const parts = new Map<number, Array<string>>()
  search(header, name, (rest, value) => {
    const place = rest === "" ? 0 : /^\.[1-9]\d?$/.test(rest) ? Number(rest.slice(1)) : undefined
    if (place !== undefined) {
      parts.set(place, [...(parts.get(place) ?? []), value])
    }
  })
  return parts
}

/**
 * Joins the values that were spread over cookies, one for each first cookie, which begins with the number of its parts:
 * `3.<text>`. Cookies that other responses left beside them do no harm. If there are several first cookies, the parts
 * belong to them in the order in which they were sent. A value with a missing part is empty; the seal detects a value
 * of parts that do not belong together.
 */
export const joinParts = (parts: ReadonlyMap<number, ReadonlyArray<string>>): ReadonlyArray<string> => {
  const firsts = (parts.get(0) ?? []).map((first) => {
    const [, digits, head = first] = /^([1-9]\d?)\.(.*)$/.exec(first) ?? []
    return { count: Number(digits ?? 1), head }
  })
  return firsts.map(({ count, head }, k) => {
    const tail = Array.from({ length: count - 1 }, (_, i) => {
      const found = parts.get(i + 1) ?? []
      const owners = firsts.filter((first) => first.count > i + 1).length
      const mine = firsts.slice(0, k).filter((first) => first.count > i + 1).length
      return found.length === owners ? found[mine] : undefined
    })
    return tail.includes(undefined) ? "" : head + tail.join("")
  })
}

/** Splits a value over cookies of at most `room` characters each. */
export const splitValue = (value: string, room: number): ReadonlyArray<string> => {
  const count = Math.ceil(value.length / room)
  if (count <= 1) {
    return [value]
  }
  // The count takes at most three characters of the first part, which leaves room for them.
  const size = room - 3
  const parts = Array.from({ length: Math.ceil(value.length / size) }, (_, i) => value.slice(i * size, (i + 1) * size))
  return [`${parts.length}.${parts[0]}`, ...parts.slice(1)]
}
