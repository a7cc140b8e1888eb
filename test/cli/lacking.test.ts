// What the command says to install.
import { expect, it } from "#test/vitest"
import { lacking } from "../../src/cli/lacking.js"

it("is what is not there: an app's own packages stay where its package.json has them", () => {
  expect(lacking("@effect/none@1 vitest@3 @effect/vitest@4 none@2")).toBe("@effect/none@1 none@2")
})
