/**
 * What `doctor` looks at in memcached: each server of the list. The list itself is left as it is: a layer that is built
 * removes the sessions of a server that missed a change of the list.
 */
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import * as CasProvider from "../../Provider/internal/casProvider.js"
import { overhead } from "../../Provider/internal/casValue.js"
import * as Environment from "../../Provider/internal/environment.js"
import { stats } from "../../Provider/memcached/protocol.js"
import { placeOf } from "../../Provider/memcached/rendezvous.js"
import { areServers, connect, type Member, serversIn } from "../../Provider/memcached/servers.js"
import * as Store from "../../Provider/memcached/store.js"
import type { SessionError } from "../../SessionError.js"
import { type Fields, numberOf } from "./fields.js"
import { at, type Check, type Finding, foundOr, known, ok, present, warning, wrong } from "./finding.js"
import { mistaken, type Open, type Opened } from "./opened.js"
import { serverClock } from "./serverClock.js"
import { percent, size } from "./units.js"

/** How long a server may take, in milliseconds: as the provider's default. */
const timeout = 2_000

/** An item has a key and a header of memcached's own. */
const around = 512

const keep = "give it more memory (-m), or keep sessions in a backend that removes none, such as Redis with noeviction"

const memory = (fields: Fields): ReadonlyArray<Finding> => {
  const evicted = numberOf(fields, "evictions")
  const [used, most] = [numberOf(fields, "bytes"), numberOf(fields, "limit_maxbytes")]
  return foundOr(`it has removed nothing, and uses ${percent(used, most)} % of ${size(most)}`, [
    evicted > 0 &&
      warning(
        `it has removed ${evicted} values since its start because its memory was full: each was somebody's session, or could be`,
        keep
      ),
    used >= 0.9 * most &&
      warning(`its memory is nearly full: ${percent(used, most)} % of ${size(most)} are in use`, keep)
  ])
}

const settings = (fields: Fields, maxBytes: number): ReadonlyArray<Finding> => {
  const item = numberOf(fields, "item_size_max")
  // The provider takes no larger sessions than memcached does by default.
  const most = Math.min(maxBytes + overhead + around, Store.capabilities.maxPayload + around)
  return present([
    item < most
      ? wrong(
          `it takes values of ${size(item)} at most (-I), and sessions may have ${size(maxBytes)}: larger ones cannot be saved`,
          "start it with a larger -I, or lower SESSION_MAX_BYTES"
        )
      : ok("it takes the largest session that the options allow"),
    fields.get("evictions") === "off" &&
      warning(
        "it removes nothing when its memory is full (-M), and refuses new sessions then",
        "give it enough memory (-m), and watch it"
      )
  ])
}

const connections = (fields: Fields): ReadonlyArray<Finding> => {
  const [open, most] = [numberOf(fields, "curr_connections"), numberOf(fields, "max_connections")]
  return open >= 0.9 * most
    ? [warning(`${open} of its ${most} connections are in use`, "start it with a larger -c")]
    : []
}

const checksOf = ({ address, ask }: Member, maxBytes: number): ReadonlyArray<Check> => {
  const look = (f: (fields: Fields) => ReadonlyArray<Finding>, group: "" | " settings" = "") =>
    Effect.map(
      Effect.suspend(() => ask(stats(group))),
      f
    )
  return at(address, [
    { name: "its version", look: look((fields) => [ok(`it is memcached ${fields.get("version")}`)]) },
    { name: "its memory", look: look(memory) },
    { name: "its options", look: look((fields) => settings(fields, maxBytes), " settings") },
    { name: "its connections", look: look(connections) },
    serverClock(
      Effect.map(
        Effect.suspend(() => ask(stats())),
        (fields) => numberOf(fields, "time") * 1000
      ),
      "sessions of more than 30 days may end early",
      // A second, and the tick by which its clock is behind.
      2_000
    )
  ])
}

const away = (address: string): Finding =>
  wrong(`${address} does not answer: its sessions fail`, "start it; to take it out of the list ends its sessions")

export const openMemcached: Open = (config) =>
  Effect.flatMap(
    Config.all({ url: Environment.url, prefix: Environment.prefix }),
    ({ prefix = "session:", url }): Effect.Effect<Opened, SessionError, Scope.Scope> => {
      const servers = serversIn(Environment.plain(url))
      if (!areServers(servers)) {
        return mistaken("expected host:port,host:port, or user:password@ before each")
      }
      const addresses = servers.map(({ address }) => address)
      return Effect.map(connect(servers, placeOf(addresses), timeout), ({ ask, present: members }) => ({
        checks: [
          known(...addresses.filter((address) => !members.some((member) => member.address === address)).map(away)),
          ...members.flatMap((member) => checksOf(member, config.maxBytes))
        ],
        provider: Effect.succeed(
          CasProvider.make(Store.make(ask, { capabilities: Store.capabilities, distinct: true }), prefix)
        )
      }))
    }
  )
