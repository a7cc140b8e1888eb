// What the tests of some files need: the programs that they declare as `suite(name, ["redis-server"], ...)` does, or that a file of test/
// declares which they import.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { programs, root } from "./programs.mjs"

/**
 * Which programs to install, and whether better-sqlite3 has to work.
 *
 * @typedef {{ readonly programs: typeof programs, readonly sqlite: boolean }} Needs
 */

/**
 * The needs of the test files that vitest runs for these arguments; of all of them if no argument is a part of a path.
 *
 * @param {ReadonlyArray<string>} args
 * @returns {Needs}
 */
export const needsOf = (args) => {
  const files = testFiles().filter((file) => args.some((arg) => file.includes(arg.replace(/:\d+$/, ""))))
  if (files.length === 0) return { programs, sqlite: true }
  const text = [...withImports(files)].map((path) => readFileSync(path, "utf8")).join("\n")
  const declared = [...text.matchAll(/\[("[\w-]+"(?:, "[\w-]+")*)\]/g)].map(([, names = ""]) =>
    names.slice(1, -1).split('", "')
  )
  const named = declared.filter((names) => names.every((name) => name in programs)).flat()
  // A program that Go builds needs Go.
  if (named.some((name) => "go" in (programs[name] ?? {})) && !named.includes("go")) named.push("go")
  return {
    programs: Object.fromEntries(Object.entries(programs).filter(([name]) => named.includes(name))),
    // But for the driver's own name, which any child process may leave out of its bundle.
    sqlite: /[^-]sqlite/i.test(text)
  }
}

/** Paths from the root, as vitest compares them. */
export const testFiles = () =>
  readdirSync(join(root, "test"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith(".test.ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))

const withImports = (/** @type {ReadonlyArray<string>} */ files) => {
  /** @type {Set<string>} */
  const seen = new Set()
  const visit = (/** @type {string} */ path) => {
    if (seen.has(path) || !path.startsWith(join(root, "test")) || !existsSync(path)) return
    seen.add(path)
    for (const [, from = ""] of readFileSync(path, "utf8").matchAll(/from "(\.{1,2}\/[^"]+)\.js"/g)) {
      visit(join(dirname(path), `${from}.ts`))
    }
  }
  for (const file of files) visit(join(root, file))
  return seen
}
