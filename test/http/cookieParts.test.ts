/**
 * Values that are spread over several cookies: how they are cut, and which parts are put together again.
 */
import * as FastCheck from "fast-check"
import { describe, expect, it } from "#test/vitest"
import { findParts, joinParts, splitValue } from "../../src/Manager/cookieHeader.js"
import { soak } from "../support/soak.js"

const partsOf = (...pairs: ReadonlyArray<readonly [place: number, ...values: ReadonlyArray<string>]>) =>
  new Map(pairs.map(([place, ...values]) => [place, values] as const))

/** As a browser sends the parts of a value. */
const headerOf = (value: string, room: number) =>
  splitValue(value, room).map((part, place) => (place === 0 ? `id=${part}` : `id.${place}=${part}`))

const joined = (pairs: ReadonlyArray<string>) => joinParts(findParts(pairs.join("; "), "id"))

describe("a value that is cut", () => {
  it("is itself as long as it fits", () => {
    expect(splitValue("", 10)).toEqual([""])
    expect(splitValue("x".repeat(10), 10)).toEqual(["x".repeat(10)])
  })

  it("says in its first part how many there are, and none is too long", () => {
    expect(splitValue("abcdefghijk", 10)).toEqual(["2.abcdefg", "hijk"])
    const parts = splitValue("x".repeat(100), 10)
    expect(parts.length).toBe(15)
    expect(parts[0]).toBe("15.xxxxxxx")
    expect(Math.max(...parts.map((part) => part.length))).toBe(10)
  })
})

describe("parts that are put together", () => {
  it("of one value", () => {
    expect(joinParts(partsOf())).toEqual([])
    expect(joinParts(partsOf([0, "abc"]))).toEqual(["abc"])
    expect(joinParts(partsOf([0, "3.a"], [1, "b"], [2, "c"]))).toEqual(["abc"])
  })

  it("a count that is none belongs to the value", () => {
    for (const first of ["0.a", "100.a", "x.a", ".a", "01.a", "-1.a", "1e1.a"]) {
      expect(joinParts(partsOf([0, first])), first).toEqual([first])
    }
  })

  it("without those that another answer left behind", () => {
    expect(joinParts(partsOf([0, "a"], [1, "stray"]))).toEqual(["a"])
    expect(joinParts(partsOf([0, "2.a"], [1, "b"], [2, "stray"], [7, "stray", "stray"]))).toEqual(["ab"])
    expect(joinParts(partsOf([1, "stray"]))).toEqual([])
  })

  it("are nothing if one is missing, or if nobody knows whose it is", () => {
    expect(joinParts(partsOf([0, "3.a"], [1, "b"]))).toEqual([""])
    expect(joinParts(partsOf([0, "2.a"], [1, "b", "stray"]))).toEqual([""])
    expect(joinParts(partsOf([0, "2.a", "2.x"], [1, "b"]))).toEqual(["", ""])
  })

  it("of several values belong to them in the order in which they came", () => {
    expect(joinParts(partsOf([0, "2.a", "2.x"], [1, "b", "y"]))).toEqual(["ab", "xy"])
    expect(joinParts(partsOf([0, "3.a", "2.x"], [1, "b", "y"], [2, "c"]))).toEqual(["abc", "xy"])
    expect(joinParts(partsOf([0, "a", "2.x"], [1, "y"]))).toEqual(["a", "xy"])
    expect(joinParts(partsOf([0, "2.x", "a"], [1, "y"]))).toEqual(["xy", "a"])
  })

  it("one that is whole is not lost with another that is not", () => {
    expect(joinParts(partsOf([0, "a", "2.x"]))).toEqual(["a", ""])
    expect(joinParts(partsOf([0, "2.a", "3.x"], [1, "b", "y"]))).toEqual(["ab", ""])
  })
})

describe("whatever the values", () => {
  const room = 12
  const character = FastCheck.constantFrom(..."aZ09-_")
  // A sealed value never begins as a count does.
  const value = FastCheck.array(character, { maxLength: 120 }).map((characters) => `v${characters.join("")}`)
  const check = (property: FastCheck.IProperty<any>) =>
    FastCheck.assert(property as never, { numRuns: soak(500, 5_000) })

  it("what is cut is put together again, beside parts that were left behind", () => {
    const stray = FastCheck.record({ place: FastCheck.integer({ min: 1, max: 40 }), value })
    check(
      FastCheck.property(value, FastCheck.array(stray), (value, strays) => {
        const own = headerOf(value, room)
        const left = strays.filter(({ place }) => place >= own.length).map(({ place, value }) => `id.${place}=${value}`)
        expect(joined([...own, ...left])).toEqual([value])
        expect(joined([...left, ...own])).toEqual([value])
        expect(Math.max(...splitValue(value, room).map((part) => part.length))).toBeLessThanOrEqual(room)
      })
    )
  })

  it("of several scopes each is put together, however their cookies are mixed", () => {
    check(
      FastCheck.property(
        FastCheck.array(value, { minLength: 1, maxLength: 3 }),
        FastCheck.infiniteStream(FastCheck.nat()),
        (values, choices) => {
          const queues = values.map((value) => headerOf(value, room))
          const byPlace = (queue: ReadonlyArray<string>) => queue[0]!.slice(0, queue[0]!.indexOf("="))
          const order: Array<string> = []
          // Of one place, that of the first value comes first.
          for (
            let left = queues.filter((queue) => queue.length > 0);
            left.length > 0;
            left = queues.filter((queue) => queue.length > 0)
          ) {
            const chosen = left[choices.next().value! % left.length]!
            const name = byPlace(chosen)
            order.push(left.find((queue) => byPlace(queue) === name)!.shift()!)
          }
          expect(joined(order)).toEqual(values)
        }
      )
    )
  })
})
