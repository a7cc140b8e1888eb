// Starts a real PgBouncer for the tests, before a PostgreSQL: in transaction mode, as it is used to have few connections.
import { writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { unprivileged } from "./Postgres.js"
import { acquire, freePorts, host, type Server } from "./Process.js"

export const make = ({ port: target }: { readonly port: number }) =>
  acquire("pgbouncer", async (workspace): Promise<Server> => {
    const [port] = await freePorts(1)
    const user = unprivileged()
    workspace.ownedBy(user)
    const config = join(workspace.folder, "pgbouncer.ini")
    writeFileSync(
      config,
      [
        "[databases]",
        `session = host=${host} port=${target} dbname=session user=session password=secret`,
        "[pgbouncer]",
        ...[`listen_addr = ${host}`, `listen_port = ${port}`, "auth_type = any", "unix_socket_dir ="],
        ...["pool_mode = transaction", "default_pool_size = 3"]
      ].join("\n")
    )
    const control = await workspace.run({
      name: "pgbouncer",
      program: "pgbouncer",
      user,
      args: [config],
      answers: () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(port!, host)
          socket.once("connect", () => {
            socket.destroy()
            resolve()
          })
          socket.once("error", reject)
        })
    })
    return { ...control, host, port: port!, url: `postgres://session@${host}:${port}/session` }
  })
