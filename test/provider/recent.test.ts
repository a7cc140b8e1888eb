// The map that keeps what was used last.
import { describe, expect, it } from "#test/vitest"
import { Recent } from "../../src/Provider/internal/recent.js"

describe("recent", () => {
  it("lets go of the entry that was not used for the longest time, and returns it", () => {
    const recent = new Recent<string, number>(2)
    expect([recent.use("a", 1), recent.use("b", 2), recent.use("c", 3)]).toEqual([undefined, undefined, 1])
    expect([...recent.keys()]).toEqual(["b", "c"])
  })

  it("an entry that is used again stays, with its new value", () => {
    const recent = new Recent<string, number>(2)
    recent.use("a", 1)
    recent.use("b", 2)
    expect(recent.use("a", 3)).toBeUndefined()
    expect(recent.use("c", 4)).toBe(2)
    expect([...recent]).toEqual([
      ["a", 3],
      ["c", 4]
    ])
  })

  it("what was deleted leaves room", () => {
    const recent = new Recent<string, number>(1)
    recent.use("a", 1)
    recent.delete("a")
    expect(recent.use("b", 2)).toBeUndefined()
  })

  it("has no limit of its own", () => {
    const recent = new Recent<number, number>()
    for (let i = 0; i < 10_000; i++) {
      expect(recent.use(i, i)).toBeUndefined()
    }
    expect(recent.size).toBe(10_000)
  })
})
