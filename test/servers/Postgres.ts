// Starts a real PostgreSQL server for the tests, with an empty database and a user that owns it.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { acquire, freePorts, host, runToEnd, type Server, type User } from "./Process.js"
import { prepared } from "./prepared.js"

export interface Postgres extends Server {
  /** The superuser: ends connections, changes settings. */
  readonly adminUrl: string
}

/** `args` holds extra options of postgres, such as `["-c", "max_connections=10"]`. */
export const make = (options: { readonly args?: ReadonlyArray<string> | undefined } = {}) =>
  acquire("postgres", async (workspace): Promise<Postgres> => {
    const [port] = await freePorts(1)
    const user = unprivileged()
    const { folder } = workspace
    workspace.ownedBy(user)
    const data = join(folder, "data")
    await prepared("postgres", data, () =>
      runToEnd(
        "initdb",
        [
          ...["--pgdata", data, "--username=admin", "--auth-local=trust", "--auth-host=scram-sha-256"],
          ...["--encoding=UTF8", "--no-locale", "--no-sync"]
        ],
        user
      )
    )
    const control = await workspace.run({
      name: "postgres",
      program: "postgres",
      user,
      args: [
        ...["-D", data, "-h", host, "-p", `${port}`, "-k", folder],
        // Data survives the end of the process, which is all that tests need; faster, because writes do not wait for
        // the disk.
        ...["-c", "fsync=off"],
        ...(options.args ?? [])
      ],
      answers: () => runToEnd("pg_isready", ["-h", host, "-p", `${port}`]),
      // "Fast shutdown": SIGTERM would wait until all clients have disconnected.
      stopSignal: "SIGINT"
    })
    await runToEnd("psql", [
      ...["--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", `${port}`, "-U", "admin", "-d", "postgres"],
      ...["-c", "ALTER ROLE admin PASSWORD 'secret'"],
      ...["-c", "CREATE ROLE session LOGIN PASSWORD 'secret'"],
      ...["-c", "CREATE DATABASE session OWNER session"]
    ])
    return {
      ...control,
      host,
      port: port!,
      url: `postgres://session:secret@${host}:${port}/session`,
      adminUrl: `postgres://admin:secret@${host}:${port}/session`
    }
  })

/** An account without other rights, if this process runs as root, which PostgreSQL refuses. */
export const unprivileged = (): User | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const [, , uid, gid] = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.startsWith("nobody:"))!
    .split(":")
  return { uid: Number(uid), gid: Number(gid) }
}
