// Files: what node:fs/promises does for a file that is read, or replaced by a new one, and the provider with its default options.
import { readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Provider from "../../dist/src/file.js"
import { temporaryFolder } from "../lib/processes.mjs"

export const driver = "node:fs/promises"
export const operations = { read: "readFile", write: "writeFile + rename" }

export const start = async () => {
  const directory = temporaryFolder()
  const bare = temporaryFolder()
  return {
    provider: Provider.make({ directory }),
    bare: {
      read: (key) => readFile(join(bare, key)),
      write: async (key, payload) => {
        await writeFile(join(bare, `${key}.new`), payload)
        await rename(join(bare, `${key}.new`), join(bare, key))
      }
    },
    stop: () => {}
  }
}
