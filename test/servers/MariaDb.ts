// Starts a real MariaDB server for the tests, with an empty database and a user that owns it.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { acquire, freePorts, host, runToEnd, type Server } from "./Process.js"
import { prepared } from "./prepared.js"

export interface MariaDb extends Server {
  /** The account that may do everything: kill connections, make the server read-only. */
  readonly adminUrl: string
  readonly socket: string
}

/** `args` holds extra options of mariadbd, such as `["--max-connections=10"]`. */
export const make = (options: { readonly args?: ReadonlyArray<string> | undefined } = {}) =>
  acquire("mariadb", async (workspace): Promise<MariaDb> => {
    const [port] = await freePorts(1)
    const data = join(workspace.folder, "data")
    // Not the machine's: a server that starts removes the temporary tables that it finds there, whosever they are.
    const temporary = join(workspace.folder, "tmp")
    mkdirSync(temporary)
    const socket = join(workspace.folder, "socket")
    const asRoot = process.getuid?.() === 0 ? ["--user=root"] : []
    const common = [
      "--no-defaults",
      `--datadir=${data}`,
      `--tmpdir=${temporary}`,
      "--innodb-log-file-size=16M",
      ...asRoot
    ]
    await prepared("mariadb", data, () =>
      runToEnd("mariadb-install-db", [
        ...common,
        ...["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
      ])
    )
    const accounts = join(workspace.folder, "accounts.sql")
    writeFileSync(
      accounts,
      [
        "CREATE DATABASE IF NOT EXISTS session;",
        "CREATE USER IF NOT EXISTS session@'%' IDENTIFIED BY 'secret';",
        "GRANT ALL ON session.* TO session@'%';",
        "CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY 'secret';",
        "GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;"
      ].join("\n")
    )
    const control = await workspace.run({
      name: "mariadb",
      program: "mariadbd",
      args: [
        ...common,
        ...[`--port=${port}`, `--bind-address=${host}`, `--socket=${socket}`, "--skip-name-resolve"],
        `--pid-file=${join(workspace.folder, "pid")}`,
        `--init-file=${accounts}`,
        // Data survives the end of the process, which is all that tests need; faster, because writes do not wait for
        // the disk.
        "--innodb-flush-log-at-trx-commit=2",
        ...(options.args ?? [])
      ],
      answers: () =>
        runToEnd("mariadb-admin", [
          ...["--no-defaults", "--protocol=tcp", `--host=${host}`, `--port=${port}`],
          ...["--user=session", "--password=secret", "ping"]
        ])
    })
    return {
      ...control,
      host,
      port: port!,
      socket,
      url: `mysql://session:secret@${host}:${port}/session`,
      adminUrl: `mysql://admin:secret@${host}:${port}/session`
    }
  })
