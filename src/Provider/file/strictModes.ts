/**
 * Whether other users of the machine could plant sessions: as sshd's StrictModes asks it of the folders that it trusts.
 * Each folder on the way must belong to this user or to root, and nobody else may write in it. A sticky folder, such as
 * `/tmp`, may be everybody's: in it nobody can move what belongs to another. Does nothing where there are no users.
 */
import * as fs from "node:fs"
import { userInfo } from "node:os"
import { dirname, join } from "node:path"
import { Failure } from "../../internal/failure.js"
import { hasCode } from "./disk.js"

const root = 0
const othersWrite = 0o002
const groupWrites = 0o020
const sticky = 0o1000

const nameOf = (uid: number): string =>
  read("/etc/passwd").find((fields) => fields[2] === String(uid))?.[0] ?? `uid ${uid}`

/** The name of this user, for commands. */
export const me = (): string => {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.())
  }
}

/** The lines of a table such as `/etc/passwd`; none if it cannot be read. */
const read = (table: string): ReadonlyArray<ReadonlyArray<string>> => {
  try {
    return fs
      .readFileSync(table, "utf8")
      .split("\n")
      .map((line) => line.split(":"))
  } catch {
    return []
  }
}

/** Whether nobody is in this group but this user and root, as with the group of its own that many systems give a user. */
const isPrivate = (gid: number): boolean => {
  const group = read("/etc/group").find((fields) => fields[2] === String(gid))
  const members = group?.[3]?.split(",").filter((name) => name !== "") ?? []
  const others = read("/etc/passwd").filter((fields) => fields[3] === String(gid) && !isTrusted(Number(fields[2])))
  return group !== undefined && others.length === 0 && members.every((name) => name === me() || name === "root")
}

const isTrusted = (uid: number): boolean => uid === root || uid === process.getuid?.()

/** The reason not to use a folder: the directory, or one above it or in it, which root's folders would only block. */
const troubleAt = (path: string, directory: string, place: "above" | "itself" | "within"): Failure | undefined => {
  const { gid, mode, uid } = fs.lstatSync(path)
  const isAbove = place === "above"
  const name = isAbove ? `${path}, above ${directory}` : path
  if (!isTrusted(uid) || (place === "within" && uid !== process.getuid?.())) {
    return new Failure(
      `${name} belongs to ${nameOf(uid)}, and this process runs as ${me()}`,
      `${place === "itself" ? `run it as ${nameOf(uid)}, or: ` : ""}chown ${isAbove ? `${me()} ${path}` : `-R ${me()} ${directory}`}`
    )
  }
  if (isAbove && (mode & sticky) !== 0) {
    return undefined
  }
  return (mode & othersWrite) !== 0
    ? new Failure(
        `every user can write in ${name}`,
        // Programs of other users need a folder such as /tmp.
        (mode & sticky) !== 0
          ? `name a folder of your own in it, such as ${join(path, "sessions")}`
          : `chmod go-w ${path}`
      )
    : (mode & groupWrites) !== 0 && !isPrivate(gid)
      ? new Failure(`others of its group can write in ${name}`, `chmod g-w ${path}`)
      : undefined
}

/** The folders on the way to a path, from the root on. */
const above = (path: string): ReadonlyArray<string> => {
  const parent = dirname(path)
  return parent === path ? [] : [...above(parent), parent]
}

/**
 * The reason not to trust a directory, whose path is real; `strict` is whether the folders above it matter.
 */
export const trouble = (directory: string, strict: boolean): Failure | undefined => {
  if (process.getuid === undefined) {
    return undefined
  }
  for (const path of strict ? above(directory) : []) {
    const found = troubleAt(path, directory, "above")
    if (found !== undefined) {
      return found
    }
  }
  return troubleAt(directory, directory, "itself")
}

/** The first of its folders, of those whose names match, that belongs to someone else or that others can write in. */
export const foreign = (directory: string, names: RegExp): Failure | undefined => {
  if (process.getuid === undefined) {
    return undefined
  }
  for (const name of fs.readdirSync(directory)) {
    const path = join(directory, name)
    try {
      const found = names.test(name) ? troubleAt(path, directory, "within") : undefined
      if (found !== undefined) {
        return found
      }
    } catch (error) {
      if (!hasCode(error, "ENOENT")) {
        throw error
      }
    }
  }
  return undefined
}
