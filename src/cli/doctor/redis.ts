/**
 * What `doctor` looks at in Redis, Valkey and what speaks their protocol: one server, the masters of a cluster, or the master
 * that sentinels name. One table of checks for each server, and one for what is around it.
 */
import type { Cluster, Redis } from "ioredis"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import * as Environment from "../../Provider/internal/environment.js"
import { addresses } from "../../Provider/redis/addresses.js"
import * as Connections from "../../Provider/redis/connections.js"
import { failureOf } from "../../Provider/redis/failures.js"
import { server } from "../../Provider/redis/ioredis.js"
import { type Link, mastersOf } from "../../Provider/redis/link.js"
import { type CommonOptions, minReplicas, provide, timeoutOf, waits } from "../../Provider/redis/provide.js"
import { type Sentinels, sentinelVariables } from "../../Provider/redis/sentinel.js"
import type { SessionError } from "../../SessionError.js"
import { type Fields, numberOf } from "./fields.js"
import { at, type Check, type Finding, known, ok, shown, warning, wrong } from "./finding.js"
import type { Open, Opened } from "./opened.js"
import { memory, persistence, replication, version } from "./redisInfo.js"
import { lifetimesOn } from "./redisLifetimes.js"
import { rights } from "./redisRights.js"
import { serverClock } from "./serverClock.js"

/** Sends a command. Fails with words that may be shown. */
export const ask = (client: Redis, command: string, ...args: ReadonlyArray<string | number>) =>
  Effect.tryPromise({ try: () => client.call(command, [...args]) as Promise<unknown>, catch: failureOf })

/** One server, and what is expected of it. */
interface Node {
  readonly client: Redis
  readonly prefix: string
  readonly minReplicas: number
  readonly isClustered: boolean
}

const parsed = (info: unknown): Fields =>
  new Map([...String(info).matchAll(/^([a-z]\w*):(.*?)\r?$/gim)].map(([, name, value]) => [name!, value!]))

/** The server's time. A user who may not ask for it may still read INFO, which has it since Redis 6.2. */
const timeOf = ({ client }: Node, info: Effect.Effect<Fields, unknown>): Effect.Effect<number, unknown> =>
  Effect.catch(
    Effect.map(ask(client, "TIME"), (reply) => {
      const [seconds, micros] = reply as readonly [string, string]
      return Number(seconds) * 1000 + Number(micros) / 1000
    }),
    (refusal) =>
      Effect.flatMap(info, (fields) => {
        const micros = numberOf(fields, "server_time_usec")
        return Number.isNaN(micros) ? Effect.fail(refusal) : Effect.succeed(micros / 1000)
      })
  )

const checksOf = (node: Node): Effect.Effect<ReadonlyArray<Check>> =>
  // Each check would ask for it. INFO is asked without a cache for the time, which would be that of another moment.
  Effect.map(Effect.cached(Effect.map(ask(node.client, "INFO"), parsed)), (info): ReadonlyArray<Check> => {
    const { client, isClustered, prefix } = node
    const by = (look: (fields: Fields) => ReadonlyArray<Finding>) => Effect.map(info, look)
    return [
      { name: "the server's version", look: by(version) },
      { name: "whether it is a replica", look: by((fields) => replication(fields, node.minReplicas, isClustered)) },
      { name: "the user's rights", look: rights(node) },
      { name: "memory and evictions", look: by(memory) },
      {
        name: "whether data survives a restart",
        look: Effect.flatMap(info, (fields) => persistence(fields, ask(client, "CONFIG", "GET", "save")))
      },
      serverClock(
        timeOf(node, Effect.map(ask(client, "INFO", "server"), parsed)),
        "processes may renew sessions too often or too late"
      ),
      { name: "whether sessions have a lifetime", look: lifetimesOn(client, prefix) }
    ]
  })

const addressOf = ({ options: { host, port } }: Redis): string => `${host}:${port}`

const opened = (
  name: string,
  link: Link<Redis | Cluster>,
  options: CommonOptions & { readonly minReplicas?: number | undefined },
  around: ReadonlyArray<Check>
): Effect.Effect<Opened> => {
  const { prefix = "session:", minReplicas = 0 } = options
  const masters = mastersOf(link.client)
  const { isCluster } = link.client
  return Effect.map(
    Effect.forEach(masters, (client) =>
      Effect.map(checksOf({ client, prefix, minReplicas, isClustered: isCluster }), (checks) =>
        isCluster ? at(addressOf(client), checks) : checks
      )
    ),
    (checks) => ({
      checks: [...around, ...checks.flat()],
      provider: provide(name, link, options)
    })
  )
}

export const openSingle: Open = () =>
  Effect.flatMap(
    Config.all({ url: Environment.url, prefix: Environment.prefix, minReplicas }),
    (options): Effect.Effect<Opened, SessionError, Scope.Scope> =>
      Effect.flatMap(Connections.single(options, timeoutOf(options), waits(options)), (link) =>
        opened("redis", link, options, [])
      )
  )

/** What the cluster itself says of its slots and nodes. */
const clusterState = (node: Redis): Effect.Effect<ReadonlyArray<Finding>, unknown> =>
  Effect.map(ask(node, "CLUSTER", "INFO"), (reply) => {
    const fields = parsed(reply)
    const [slots, suspected, failed] = ["assigned", "pfail", "fail"].map((name) =>
      numberOf(fields, `cluster_slots_${name}`)
    ) as [number, number, number]
    return fields.get("cluster_state") !== "ok" || failed > 0 || slots < 16_384
      ? [
          wrong(
            `the cluster has no node for ${failed + 16_384 - slots} of its 16384 slots: sessions there fail`,
            "start the nodes that are missing, or give their slots to others: redis-cli --cluster check, and --cluster fix"
          )
        ]
      : suspected > 0
        ? [
            warning(
              `a node of the cluster does not answer the others: ${suspected} slots may be lost`,
              "see CLUSTER NODES for the node that is marked fail?, and its log"
            )
          ]
        : [ok(`the cluster is whole: all slots are served, by ${fields.get("cluster_size")} masters`)]
  })

/** A cluster that has lost slots lets nobody in: then each node of the URL is asked by itself, until one tells why. */
const broken = (url: Redacted.Redacted, error: SessionError): Effect.Effect<Opened, SessionError, Scope.Scope> =>
  Effect.flatMap(addresses(url, 6379, true), ({ servers, shared }) =>
    Effect.firstSuccessOf(
      servers.map(({ host, port }) =>
        server("redisCluster", timeoutOf({}), "node", port, { host, port, ...shared }).pipe(
          Effect.flatMap(({ client }) => clusterState(client)),
          Effect.flatMap((found) =>
            found.some(({ level }) => level !== "ok") ? Effect.succeed(found) : Effect.fail(error)
          )
        )
      )
    )
  ).pipe(
    Effect.mapError(() => error),
    Effect.map((found) => ({
      checks: [known(...found)],
      untried: Effect.succeed(shown(error)),
      provider: Effect.fail(error)
    }))
  )

export const openCluster: Open = () =>
  Effect.flatMap(Config.all({ url: Environment.url, prefix: Environment.prefix }), (options) =>
    Effect.matchEffect(Connections.cluster(options, timeoutOf(options), false), {
      onFailure: (error) => broken(options.url, error),
      onSuccess: (link) =>
        opened("redisCluster", link, options, [
          { name: "the cluster's state", look: Effect.suspend(() => clusterState(mastersOf(link.client)[0]!)) }
        ])
    })
  )

/** Whether each sentinel answers, and whether together they could replace the master. */
const quorum = (options: Sentinels): Effect.Effect<ReadonlyArray<Finding>, unknown> =>
  Effect.flatMap(addresses(options.url, 26379, true), ({ servers, shared }) =>
    Effect.forEach(
      servers,
      ({ host, port }) =>
        server("redisSentinel", timeoutOf(options), "sentinel", port, {
          host,
          port,
          ...(options.sentinelUsername === undefined ? {} : { username: options.sentinelUsername }),
          ...(options.sentinelPassword === undefined ? {} : { password: Environment.plain(options.sentinelPassword) }),
          ...((options.sentinelTls ?? shared.tls !== undefined) ? { tls: {} } : {})
        }).pipe(
          Effect.flatMap(({ client }) => ask(client, "SENTINEL", "CKQUORUM", options.masterName)),
          Effect.match({
            onSuccess: () => undefined,
            onFailure: (error): Finding =>
              /NOQUORUM|NOGOODSLAVE/.test(shown(error))
                ? wrong(
                    `the sentinel ${host}:${port} finds no quorum: if the master fails now, no replica takes its place`,
                    "start the sentinels that are missing, or lower the quorum: SENTINEL CKQUORUM says which"
                  )
                : /NOPERM|unknown/.test(shown(error))
                  ? ok(
                      `not checked: the sentinels' quorum (${shown(error)})`,
                      "give the sentinels' user +sentinel|ckquorum to have it checked"
                    )
                  : warning(
                      `the sentinel ${host}:${port} does not answer (${shown(error)})`,
                      "start it, or take it out of SESSION_URL"
                    )
          }),
          Effect.scoped
        ),
      { concurrency: "unbounded" }
    )
  ).pipe(
    Effect.map((answers) => {
      const troubles = answers.filter((answer) => answer !== undefined)
      return troubles.length === 0
        ? [ok(`${answers.length} sentinels answer, and agree that they can replace the master`)]
        : troubles
    })
  )

export const openSentinel: Open = () =>
  Effect.flatMap(Config.unwrap<Sentinels>(sentinelVariables), (options) =>
    Effect.flatMap(Connections.sentinel(options, timeoutOf(options), waits(options)), (link) =>
      opened("redisSentinel", link, options, [{ name: "the sentinels", look: quorum(options) }])
    )
  )
