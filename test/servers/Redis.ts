// Starts real Redis servers for the tests: one, a cluster of six, and a master with two replicas under three sentinels.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "#effect/Effect"
import {
  acquire,
  ask,
  type Control,
  freePorts,
  host,
  runToEnd,
  type Server,
  together,
  until,
  type Workspace
} from "./Process.js"

/** For a test's own client of a server that does not speak the third version of Redis' protocol, with which ioredis 6 begins. */
export const resp2 = { protocol: 2 } as const

export interface Options {
  readonly password?: string | undefined
  /** Default `redis-server`. */
  readonly program?: "redis-server" | "redis-server-6" | "valkey-server" | undefined
  /** Of sentinels: the password that they want for themselves. */
  readonly sentinelPassword?: string | undefined
  /** Extra options of redis-server, such as `["--maxmemory", "8mb", "--appendonly", "yes"]`. */
  readonly args?: ReadonlyArray<string> | undefined
}

/** One server. A `stop` keeps the data; a `kill` keeps it only with `--appendonly yes`. */
export const single = (options: Options = {}) =>
  acquire("redis", async (workspace) => {
    const [port] = await freePorts(1)
    return node(workspace, port!, options)
  })

export interface Cluster extends Control {
  /** The addresses of all nodes, separated by commas. */
  readonly url: string
  /** In the order of their ports' creation: at first three masters, then their three replicas. */
  readonly nodes: ReadonlyArray<Server>
}

/** Three masters, each with a replica. */
export const cluster = (options: Options = {}) =>
  acquire("redis-cluster", async (workspace): Promise<Cluster> => {
    const ports = await freePorts(6)
    const config = ["cluster-enabled yes", "cluster-node-timeout 2000"]
    const nodes = await Promise.all(
      ports.map((port) => node(workspace, port, options, [...config, `cluster-config-file nodes-${port}.conf`]))
    )
    const addresses = ports.map((port) => `${host}:${port}`)
    const auth = options.password === undefined ? [] : ["-a", options.password, "--no-auth-warning"]
    await runToEnd("redis-cli", [
      ...auth,
      ...["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]
    ])
    const agree = () =>
      Promise.all(
        ports.map((port) =>
          until(async () => {
            await tell(port, options, "CLUSTER INFO", /cluster_state:ok.*cluster_known_nodes:6/s)
            await tell(port, options, "INFO replication", /role:master.*connected_slaves:[1-9]|master_link_status:up/s)
          })
        )
      )
    await agree()
    return { ...together(nodes, agree), nodes, url: nodes.map((each) => each.url).join(",") }
  })

export interface Sentinels extends Control {
  /** The addresses of the sentinels, separated by commas. */
  readonly url: string
  readonly masterName: string
  readonly sentinels: ReadonlyArray<Server>
  /** The data servers: at first the master, then its two replicas. */
  readonly nodes: ReadonlyArray<Server>
  /** The server that is the master now, according to the sentinels. */
  readonly master: Effect.Effect<Server>
}

/** Three sentinels that replace a master which is silent for a second, over one master and two replicas. */
export const sentinel = (options: Options = {}) =>
  acquire("redis-sentinel", async (workspace): Promise<Sentinels> => {
    const masterName = "mymaster"
    const sentinel = { password: options.sentinelPassword }
    const ports = await freePorts(6)
    const [masterPort, ...replicaPorts] = ports.slice(0, 3)
    const sentinelPorts = ports.slice(3)
    const nodes = await Promise.all([
      node(workspace, masterPort!, options),
      ...replicaPorts.map((port) => node(workspace, port, options, [`replicaof ${host} ${masterPort}`]))
    ])
    const sentinels = await Promise.all(
      sentinelPorts.map((port) =>
        launch(
          workspace,
          port,
          sentinel,
          ["--sentinel"],
          [
            ...(options.sentinelPassword === undefined
              ? []
              : [
                  `requirepass ${quote(options.sentinelPassword)}`,
                  `sentinel sentinel-pass ${quote(options.sentinelPassword)}`
                ]),
            `sentinel monitor ${masterName} ${host} ${masterPort} 2`,
            ...(options.password === undefined ? [] : [`sentinel auth-pass ${masterName} ${quote(options.password)}`]),
            `sentinel down-after-milliseconds ${masterName} 1000`,
            `sentinel failover-timeout ${masterName} 3000`
          ]
        )
      )
    )
    const agree = () =>
      Promise.all(
        sentinelPorts.map((port) =>
          until(() => tell(port, sentinel, "INFO sentinel", /status=ok,.*slaves=2,sentinels=3/))
        )
      )
    await agree()
    const master = Effect.promise(async () => {
      const address = /\$\d+\r\n(\d+)\r\n$/
      const [, port] = await until(() =>
        tell(sentinelPorts[0]!, sentinel, `SENTINEL get-master-addr-by-name ${masterName}`, address)
      )
      return nodes.find((each) => each.port === Number(port))!
    })
    // User and password in it would be the data servers'.
    const url = sentinels.map((each) => `${host}:${each.port}`).join(",")
    return { ...together([...nodes, ...sentinels], agree), url, masterName, sentinels, nodes, master }
  })

/** One sentinel alone, which replaces no master by itself. */
export const watcher = (masterName: string, masterPort: number, config: ReadonlyArray<string> = []) =>
  acquire("redis-sentinel", async (workspace) => {
    const [port] = await freePorts(1)
    return launch(
      workspace,
      port!,
      {},
      ["--sentinel"],
      [
        `sentinel monitor ${masterName} ${host} ${masterPort} 1`,
        `sentinel down-after-milliseconds ${masterName} 600000`,
        ...config
      ]
    )
  })

/** A server that keeps data: a snapshot when it is asked to end, none while it runs. */
const node = (workspace: Workspace, port: number, options: Options, config: ReadonlyArray<string> = []) => {
  const { password } = options
  const auth = password === undefined ? [] : [`requirepass ${quote(password)}`, `masterauth ${quote(password)}`]
  return launch(workspace, port, options, options.args ?? [], [
    ...["save 36000 1", "repl-diskless-sync-delay 0", `dbfilename ${port}.rdb`],
    ...(options.program === "redis-server-6" ? [] : [`appenddirname aof-${port}`]),
    ...auth,
    ...config
  ])
}

const launch = async (
  workspace: Workspace,
  port: number,
  options: Options,
  args: ReadonlyArray<string>,
  config: ReadonlyArray<string>
): Promise<Server> => {
  // A file, because Redis writes into it what failovers change.
  const file = join(workspace.folder, `${port}.conf`)
  writeFileSync(file, [`port ${port}`, `bind ${host}`, `dir ${workspace.folder}`, ...config, ""].join("\n"))
  const control = await workspace.run({
    name: `redis-${port}`,
    program: options.program ?? "redis-server",
    args: [file, ...args],
    answers: () => tell(port, options, "PING", /\+PONG/)
  })
  const user = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`
  return { ...control, host, port, url: `redis://${user}${host}:${port}` }
}

const tell = (port: number, { password }: Options, command: string, expected: RegExp) =>
  ask(port, password === undefined ? command : `AUTH ${quote(password)}\r\n${command}`, expected)

const quote = (word: string) => JSON.stringify(word)
