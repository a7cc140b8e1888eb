// `npm run bump`: gives both packages their next version and CHANGELOG.md a chapter for it, from the files of
// `.changeset`, which it removes. Minor and patch are the same for both packages; the major is that of their Effect.
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { chapterOf, isMajor, pendingIn } from "./changesets.mjs"
import { nodeOfEffect4, root } from "./programs.mjs"

const folder = process.cwd()
const at = (/** @type {ReadonlyArray<string>} */ ...path) => join(folder, ...path)
const json = (/** @type {string} */ path) => JSON.parse(readFileSync(path, "utf8"))

const changes = pendingIn(folder)
if (changes.length === 0)
  throw new Error("no change is in .changeset: write one first (CONTRIBUTING.md, Write a changeset)")
const major = changes.filter(isMajor)
if (major.length > 0) throw new Error(`the major version is Effect's: write minor or patch in ${major.join(", ")}`)

// Changesets sees only the root's package, as both have the same name. It needs the newer Node.
execFileSync(nodeOfEffect4, [join(root, "node_modules", "@changesets", "cli", "bin.js"), "version"], {
  cwd: folder,
  stdio: "inherit"
})

const { version: three } = json(at("package.json"))
const [major4] = json(at("effect4", "package.json")).version.split(".")
const four = [major4, ...three.split(".").slice(1)].join(".")
const write = (/** @type {string} */ path, /** @type {any} */ content) =>
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`)
for (const [version, ...path] of [[three], [four, "effect4"]]) {
  const manifest = at(...path, "package.json")
  write(manifest, { ...json(manifest), version })
  const lock = at(...path, "package-lock.json")
  const { packages, ...rest } = json(lock)
  write(lock, { ...rest, version, packages: { ...packages, "": { ...packages[""], version } } })
}

const changelog = at("CHANGELOG.md")
const text = readFileSync(changelog, "utf8")
writeFileSync(
  changelog,
  text.replace(`\n## ${three}\n`, () => `\n${chapterOf(three, four)}\n`)
)
console.log(`${four} and ${three}: read CHANGELOG.md, and commit`)
