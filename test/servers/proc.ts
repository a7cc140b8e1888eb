// Reads the system's data on processes.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** A process and its descendants. */
export const family = (pid: number): ReadonlyArray<number> => [pid, ...childrenOf(pid).flatMap(family)]

const childrenOf = (pid: number): ReadonlyArray<number> =>
  (procFile(`${pid}/task/${pid}/children`) ?? "")
    .split(" ")
    .filter((child) => child !== "")
    .map(Number)

export const isStopped = (pid: number): boolean => threadsOf(pid).every((thread) => !/\) [RSD]/.test(thread))

/** Reads the state of each thread of a process. */
const threadsOf = (pid: number): ReadonlyArray<string> => {
  try {
    return readdirSync(`/proc/${pid}/task`).map((id) => procFile(`${pid}/task/${id}/stat`) ?? "")
  } catch {
    return []
  }
}

/** Whether the process exists and is not a zombie. */
export const isAlive = (pid: number): boolean => {
  const stat = procFile(`${pid}/stat`)
  return stat !== undefined && !stat.slice(stat.lastIndexOf(")")).startsWith(") Z")
}

const procFile = (path: string): string | undefined => {
  try {
    return readFileSync(join("/proc", path), "utf8")
  } catch {
    return undefined
  }
}
