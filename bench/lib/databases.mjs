// Database servers with an empty database, in temporary folders.
import { spawnSync } from "node:child_process"
import { chownSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { findProgram } from "../../scripts/programs.mjs"
import { freePort, startBackend, temporaryFolder } from "./processes.mjs"

const runToEnd = (program, args, options) => {
  const { error, status, stderr } = spawnSync(program, args, { encoding: "utf8", ...options })
  if (status !== 0) throw new Error(`${program} failed: ${error ?? stderr}`)
}

/** PostgreSQL with its default settings, and one that bears 64 clients. */
export const startPostgres = async () => {
  const port = await freePort()
  const folder = temporaryFolder()
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? nobody() : {}
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, "data")
  const options = ["--auth=trust", "--username=session", "--encoding=UTF8", "--no-locale", "--no-sync"]
  runToEnd(findProgram("initdb"), ["--pgdata", data, ...options], { cwd: folder, ...user })
  const stop = await startBackend(
    findProgram("postgres"),
    ["-D", data, "-h", "127.0.0.1", "-p", `${port}`, "-k", folder],
    port,
    { cwd: folder, ...user }
  )
  return { url: `postgres://session@127.0.0.1:${port}/postgres`, stop }
}

const nobody = () => {
  const fields = readFileSync("/etc/passwd", "utf8").match(/^nobody:[^:]*:(\d+):(\d+):/m)
  return { uid: Number(fields[1]), gid: Number(fields[2]) }
}

/** MariaDB with its default settings. */
export const startMariaDb = async () => {
  const port = await freePort()
  const folder = temporaryFolder()
  const data = join(folder, "data")
  mkdirSync(data)
  const common = ["--no-defaults", `--datadir=${data}`, ...(process.getuid?.() === 0 ? ["--user=root"] : [])]
  const install = [...common, "--auth-root-authentication-method=normal", "--skip-name-resolve"]
  runToEnd(findProgram("mariadb-install-db"), install, { cwd: folder })
  const stop = await startBackend(
    findProgram("mariadbd"),
    [
      ...common,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      `--socket=${join(folder, "socket")}`,
      "--skip-name-resolve"
    ],
    port
  )
  return { url: `mysql://root@127.0.0.1:${port}/test`, stop }
}
