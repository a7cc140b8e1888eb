// There are two packages, for Effect 3 and for Effect 4, and only the folders that differ know of that.
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const src = fileURLToPath(new URL("../src/", import.meta.url))

it("the source imports Effect by the prefixes that each package resolves, and by nothing else", () => {
  const direct = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) =>
      [
        ...readFileSync(`${src}${file}`, "utf8").matchAll(
          // But for the examples of comments.
          /^(?! \*).*\b(?:from|import) "((?:@effect\/|effect(?=[/"]))[^"]*)"/gm
        )
      ].map(([, name]) => `${file}: ${name}`)
    )
  expect(direct).toEqual([])
})
