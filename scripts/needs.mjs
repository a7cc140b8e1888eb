// Finds the programs that some test files need: those that the files, or the files of test/ that they import, declare as
// `suite(name, ["redis-server"], ...)` does.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { programs, root } from "./programs.mjs"

/**
 * The programs to install, whether better-sqlite3 has to work, and whether the documentation site is built.
 *
 * @typedef {{ readonly programs: typeof programs, readonly sqlite: boolean, readonly site: boolean }} Needs
 */

/**
 * Returns the needs of the test files that vitest runs for these arguments, or of all test files if no argument is part
 * of a path.
 *
 * @param {ReadonlyArray<string>} args
 * @returns {Needs}
 */
export const needsOf = (args) => {
  const files = testFiles().filter((file) => args.some((arg) => file.includes(arg.replace(/:\d+$/, ""))))
  if (files.length === 0) return { programs, sqlite: true, site: true }
  const text = [...withImports(files)].map((path) => readFileSync(path, "utf8")).join("\n")
  const declared = [...text.matchAll(/\[("[\w-]+"(?:, "[\w-]+")*)\]/g)].map(([, names = ""]) =>
    names.slice(1, -1).split('", "')
  )
  const named = declared.filter((names) => names.every((name) => name in programs)).flat()
  // A program that is built with Go needs Go.
  if (named.some((name) => "go" in (programs[name] ?? {})) && !named.includes("go")) named.push("go")
  return {
    programs: Object.fromEntries(Object.entries(programs).filter(([name]) => named.includes(name))),
    // But for the driver's own name, which any child process may leave out of its bundle.
    sqlite: /[^-]sqlite/i.test(text),
    site: text.includes('"docs.mjs"')
  }
}

/** Returns the test files with paths from the root, as vitest compares them. */
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
