/**
 * Changes, from a file of `.changeset` to a version of both packages and a chapter of the changelog.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { root } from "../scripts/programs.mjs"

const folder = mkdtempSync(join(tmpdir(), "effect-session-changes-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const manifests = ["package.json", "effect4/package.json"]
const locks = ["package-lock.json", "effect4/package-lock.json"]

/** A repository with the two packages as they are, and a change. */
const repository = (kind: string) => {
  const cwd = join(folder, kind)
  const at = (path: string) => join(cwd, path)
  const run = (...command: ReadonlyArray<string>) => execFileSync(command[0]!, command.slice(1), { cwd, stdio: "pipe" })
  for (const path of [".changeset", "effect4"]) mkdirSync(at(path), { recursive: true })
  for (const path of [...manifests, ...locks, "CHANGELOG.md", ".changeset/config.json"])
    cpSync(join(root, path), at(path))
  writeFileSync(at(".changeset/new.md"), `---\n"effect-session": ${kind}\n---\n\nSomething new.\n`)
  run("git", "init", "--quiet")
  return { at, bump: () => run("node", join(root, "scripts", "bump.mjs")) }
}

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"))

it.each([
  ["minor", (minor: number, _: number) => `${minor + 1}.0`],
  ["patch", (minor: number, patch: number) => `${minor}.${patch + 1}`]
])("a %s change raises both packages, in their locks too, and is told in the changelog, once", (kind, raised) => {
  const { at, bump } = repository(kind)
  bump()
  const [three, four] = manifests.map((path) => {
    const [major, minor, patch] = json(join(root, path)).version.split(".").map(Number)
    return `${major}.${raised(minor, patch)}`
  })
  expect([...manifests, ...locks].map((path) => json(at(path)).version)).toEqual([three, four, three, four])
  expect(locks.map((path) => json(at(path)).packages[""].version)).toEqual([three, four])
  const before = readFileSync(join(root, "CHANGELOG.md"), "utf8").replace("# Changelog\n", "")
  const chapter = `## ${four} and ${three}\n\n### ${kind === "minor" ? "Minor" : "Patch"} Changes\n\n- Something new.\n`
  expect(readFileSync(at("CHANGELOG.md"), "utf8")).toBe(`# Changelog\n\n${chapter}${before}`)
  expect(bump).toThrow(/no change is in .changeset/)
})

it("a change cannot raise the major, which is Effect's", () => {
  const { at, bump } = repository("major")
  expect(bump).toThrow(/the major version is Effect's/)
  expect(manifests.map((path) => json(at(path)))).toEqual(manifests.map((path) => json(join(root, path))))
})
