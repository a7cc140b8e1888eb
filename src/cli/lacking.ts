/**
 * Which of the packages that the command needs are not there.
 */
import { createRequire } from "node:module"

const { resolve } = createRequire(import.meta.url)

const isThere = (name: string): boolean => {
  try {
    resolve(name)
    return true
  } catch (error) {
    // Another error is of a package that has no entry for `require`.
    return (error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND"
  }
}

/**
 * Those of the packages that are not installed, as in `@effect/cli@0.77`. The others are not named: `npm install --save-dev`
 * would take one that the app runs on out of its dependencies.
 */
export const lacking = (needs: string): string =>
  needs
    .split(" ")
    .filter((need) => !isThere(need.slice(0, need.lastIndexOf("@"))))
    .join(" ")
