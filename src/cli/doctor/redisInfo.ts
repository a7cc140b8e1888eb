/**
 * What the INFO of a Redis server says of its health.
 */
import * as Effect from "#effect/Effect"
import { type Fields, numberOf } from "./fields.js"
import { type Finding, foundOr, ok, shown, warning, wrong } from "./finding.js"
import { percent, size } from "./units.js"

/** docs/providers/redis.md has what is needed. */
const oldest = 5

export const version = (fields: Fields): ReadonlyArray<Finding> => {
  const redis = fields.get("redis_version") ?? ""
  const valkey = fields.get("valkey_version")
  const name = valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`
  return Number.parseInt(redis, 10) < oldest
    ? [wrong(`the server is ${name}: sessions need Redis ${oldest} or newer`, "update the server")]
    : [ok(`the server is ${name}`)]
}

export const replication = (fields: Fields, minReplicas: number, isClustered: boolean): ReadonlyArray<Finding> => {
  const replicas = numberOf(fields, "connected_slaves")
  return fields.get("role") === "slave"
    ? [
        wrong(
          "the server is a replica, which takes no writes: no session can be made or changed",
          "let SESSION_URL lead to the master, or use redisSentinel, which follows it"
        )
      ]
    : replicas < minReplicas
      ? [
          wrong(
            `${replicas} replicas are connected, and SESSION_MIN_REPLICAS is ${minReplicas}: no session can be saved`,
            "start the replicas, or lower SESSION_MIN_REPLICAS"
          )
        ]
      : isClustered && replicas === 0
        ? [
            warning(
              "this master of the cluster has no replica: while it is away, its sessions fail",
              "give it one: redis-cli --cluster add-node --cluster-slave"
            )
          ]
        : [ok(replicas > 0 ? `the server is a master with ${replicas} replicas` : "the server is no replica")]
}

const keep = "give sessions a server of their own with maxmemory-policy noeviction, and enough maxmemory"

export const memory = (fields: Fields): ReadonlyArray<Finding> => {
  const most = numberOf(fields, "maxmemory")
  const used = numberOf(fields, "used_memory")
  const evicted = numberOf(fields, "evicted_keys")
  const policy = fields.get("maxmemory_policy") ?? "unknown"
  const evictsAny = policy.startsWith("allkeys")
  const evicts = evictsAny || policy.startsWith("volatile")
  const found = [
    evicts &&
      (most > 0
        ? warning(
            `maxmemory-policy is ${policy}: when the memory is full, the server removes ${
              evictsAny
                ? "any key, and with a session its user is signed out"
                : "keys that have a lifetime, and every session has one: its user is signed out"
            }`,
            keep
          )
        : ok(`maxmemory-policy is ${policy}, which removes nothing as long as there is no maxmemory`)),
    most > 0 &&
      used >= 0.9 * most &&
      (evicts || used < most
        ? warning(
            `the server uses ${percent(used, most)} % of its maxmemory (${size(most)})`,
            "raise maxmemory, or remove data"
          )
        : wrong(
            `the server's memory is full (${size(most)}): it refuses new sessions and changes`,
            "raise maxmemory, or remove data"
          )),
    evicted > 0 &&
      warning(
        `the server has removed ${evicted} keys since its start because its memory was full: sessions may be among them`,
        keep
      )
  ]
  return foundOr(
    most > 0
      ? `the server uses ${percent(used, most)} % of its maxmemory, and removes no sessions when that is full`
      : "the server has no maxmemory, and removes no sessions by itself",
    found
  )
}

/** @param save The reply of CONFIG GET save, which managed servers refuse. */
export const persistence = (
  fields: Fields,
  save: Effect.Effect<unknown, unknown>
): Effect.Effect<ReadonlyArray<Finding>> => {
  const failed = ["rdb_last_bgsave_status", "aof_last_write_status"].filter((name) => fields.get(name) === "err")
  const broken = failed.map(() =>
    wrong(
      "the server could not write to its disk when it last tried: it refuses changes, or a restart loses sessions",
      "make room on its disk, and see its log"
    )
  )
  if (fields.get("aof_enabled") === "1") {
    return Effect.succeed([...broken, ok("the server writes each change to its disk (appendonly)")])
  }
  const snapshots = "a restart loses what came after the last snapshot"
  return Effect.match(save, {
    onFailure: (error) => [
      ...broken,
      ok(
        `not checked: whether the server makes snapshots (CONFIG GET: ${shown(error)})`,
        "appendonly is off: if no snapshots are made, a restart signs everybody out"
      )
    ],
    onSuccess: (reply) =>
      Array.isArray(reply) && reply[1] === ""
        ? [
            ...broken,
            warning(
              "the server keeps nothing on a disk: a restart signs everybody out",
              "turn on appendonly: CONFIG SET appendonly yes, and CONFIG REWRITE"
            )
          ]
        : [...broken, ok(`the server makes snapshots: ${snapshots}`, "turn on appendonly if that is too much")]
  })
}
