// The empty data that a database's server begins with. To make it takes longer than all else that most tests do with the server: `npm test`
// has it made once and copied, in the folder that PREPARED_DATA names.
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { runToEnd } from "./Process.js"

/** Copies the data of this name to a folder that is not there yet. If there is none, `make` makes it in the folder, for others too. */
export const prepared = async (name: string, data: string, make: () => Promise<unknown>): Promise<void> => {
  const parent = process.env["PREPARED_DATA"]
  if (parent === undefined) {
    await make()
    return
  }
  const known = join(parent, name)
  // With the owner that a server insists on.
  const copy = (from: string, to: string) => runToEnd("cp", ["-a", from, to])
  if (existsSync(known)) {
    await copy(known, data)
    return
  }
  await make()
  const own = mkdtempSync(join(parent, `${name}-`))
  await copy(data, join(own, "data"))
  try {
    // Whole or not at all.
    renameSync(join(own, "data"), known)
  } catch (error) {
    // Another process was first.
    if (!existsSync(known)) throw error
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}
