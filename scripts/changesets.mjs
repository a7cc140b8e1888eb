// The changes that are in no version yet: each is a file of `.changeset`, which tells users what has changed, and says whether
// it is a `patch` or a `minor`.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/**
 * The chapter of CHANGELOG.md about these versions, which are always raised together.
 *
 * @param {string} three
 * @param {string} four
 */
export const chapterOf = (three, four) => `## ${four} and ${three}`

/**
 * The files of the changes, in the repository that is in this folder.
 *
 * @param {string} folder
 */
export const pendingIn = (folder) => {
  const changes = join(folder, ".changeset")
  return readdirSync(changes)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .map((name) => join(changes, name))
}

/**
 * Whether a change asks for the next major version.
 *
 * @param {string} path
 */
export const isMajor = (path) => /:\s*["']?major\b/.test(readFileSync(path, "utf8").split("---")[1] ?? "")
