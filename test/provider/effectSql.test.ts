/**
 * What is known of Effect's SQL clients without loading them is what they have.
 */
import { causeOf, type SqlFailure } from "#dialect/sql"
import { failureOf, names } from "#test/sqlClients"
import { describe, expect, it } from "#test/vitest"

describe("Effect's SQL clients, by name", () => {
  it.each(names)("%s", (_, known, real) => {
    expect(known).toBe(real)
  })

  it("fail with what is taken for their error", () => {
    const error: SqlFailure = failureOf("why")
    expect(error).toBeInstanceOf(Error)
    expect(error._tag).toBe("SqlError")
    expect(causeOf(error)).toBe("why")
  })
})
