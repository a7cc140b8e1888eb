/**
 * `npm test -- <files>` installs what these files need, and nothing else.
 */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { needsOf, testFiles } from "../scripts/needs.mjs"
import { programs } from "../scripts/programs.mjs"

const needed = (...args: ReadonlyArray<string>) => Object.keys(needsOf(args).programs)

describe("what npm test installs", () => {
  it("is everything, unless some files are asked for", () => {
    expect(needed()).toEqual(Object.keys(programs))
    expect(needed("-t", "no file is called like this")).toEqual(Object.keys(programs))
    expect(needsOf([]).sqlite).toBe(true)
  })

  it("is what the files name, they themselves or what they import", () => {
    expect(needed("test/provider/redis.test.ts")).toEqual(["redis-server", "redis-cli"])
    expect(needed("test/provider/redis.test.ts:17")).toEqual(["redis-server", "redis-cli"])
    expect(needed("provider/mysql", "test/browser")).toEqual(["mariadbd", "chromium"])
    expect(needed("test/store")).toEqual([])
    expect(needed("test/identity/attackRemote")).toEqual(expect.arrayContaining(["postgres", "memcached"]))
  })

  it("has Go for what Go builds", () => {
    expect(needed("test/provider/ledis.test.ts")).toEqual(["go", "ledis-server"])
  })

  it("has better-sqlite3's binary where SQLite is used", () => {
    expect(needsOf(["test/provider/sqlite.test.ts"]).sqlite).toBe(true)
    expect(needsOf(["test/provider/redis.test.ts"]).sqlite).toBe(false)
  })

  it("has the packages of the documentation site where that is built", () => {
    expect(needsOf(["test/site/site.test.ts"]).site).toBe(true)
    expect(needsOf(["test/provider/redis.test.ts"]).site).toBe(false)
  })

  it("has all that the suites of a file declare", () => {
    let declared = 0
    for (const file of testFiles()) {
      for (const [, names = ""] of readFileSync(file, "utf8").matchAll(/^ *suite(?:Beside)?\([^[\n]*\[([^\]]*)\]/gm)) {
        const known = [...names.matchAll(/"([^"]+)"/g)].map(([, name]) => name!).filter((name) => name in programs)
        expect(needed(file), file).toEqual(expect.arrayContaining(known))
        declared += known.length
      }
    }
    expect(declared).toBeGreaterThan(30)
  })
})
