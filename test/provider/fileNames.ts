// What the tests of the file provider look at on the disk.
import { readdirSync } from "node:fs"
import { join } from "node:path"

const entries = (path: string) =>
  readdirSync(path, { withFileTypes: true, recursive: true })
    .map((entry) => ({ path: join(entry.parentPath, entry.name), isFolder: entry.isDirectory() }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))

/** All files below a folder. */
export const filesIn = (path: string): ReadonlyArray<string> =>
  entries(path).flatMap(({ isFolder, path }) => (isFolder ? [] : [path]))

/** All folders below a folder. */
export const foldersIn = (path: string): ReadonlyArray<string> =>
  entries(path).flatMap(({ isFolder, path }) => (isFolder ? [path] : []))
