/**
 * What `doctor` looks at in LedisDB, SSDB and Couchbase, which tell little of themselves.
 */
import type { Redis } from "ioredis"
import * as Config from "#effect/Config"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Couchbase from "../../Provider/Couchbase.js"
import { durabilities } from "../../Provider/couchbase/address.js"
import * as Environment from "../../Provider/internal/environment.js"
import * as Ledis from "../../Provider/Ledis.js"
import * as LedisServer from "../../Provider/ledis/server.js"
import { server } from "../../Provider/redis/ioredis.js"
import * as Ssdb from "../../Provider/Ssdb.js"
import * as SsdbServer from "../../Provider/ssdb/server.js"
import { type Check, known, ok } from "./finding.js"
import type { Open } from "./opened.js"
import { ask } from "./redis.js"
import { lifetimes } from "./redisLifetimes.js"
import { serverClock } from "./serverClock.js"

const options = Config.all({ url: Environment.url, prefix: Environment.prefix })

const timeout = Duration.seconds(5)

/** How many keys are looked at. */
const most = 500

const lifetimesOf = (client: Redis, prefix: string, keys: () => Promise<ReadonlyArray<string>>): Check => ({
  name: "whether sessions have a lifetime",
  look: lifetimes(prefix, keys, (key) => client.ttl(key))
})

const notTold = (what: string): Check => known(ok(`not checked: ${what}: the server does not tell`))

export const openLedis: Open = () =>
  Effect.flatMap(options, ({ prefix = "session:", url }) =>
    Effect.map(
      server(LedisServer.name, timeout, url, LedisServer.defaultPort, undefined, { isPatient: true }),
      ({ client }) => ({
        checks: [
          serverClock(
            Effect.map(ask(client, "TIME"), (reply) => Number((reply as ReadonlyArray<string | number>)[0]) * 1000),
            "processes may renew sessions too often or too late",
            1_000
          ),
          lifetimesOf(client, prefix, () =>
            client.call("XSCAN", "KV", prefix, "COUNT", most).then((reply) => (reply as [string, Array<string>])[1])
          ),
          notTold("memory, and whether data survives a restart")
        ],
        provider: Ledis.make({ url, prefix })
      })
    )
  )

export const openSsdb: Open = () =>
  Effect.flatMap(options, ({ prefix = "session:", url }) =>
    Effect.map(server(SsdbServer.name, timeout, url, SsdbServer.defaultPort, undefined), ({ client }) => ({
      checks: [
        lifetimesOf(client, prefix, () => {
          const end = Buffer.concat([Buffer.from(prefix), Buffer.of(0xff)])
          return client.call("keys", prefix, end, most) as Promise<Array<string>>
        }),
        notTold("the server's clock, memory, and whether data survives a restart")
      ],
      provider: Ssdb.make({ url, prefix })
    }))
  )

export const openCouchbase: Open = () =>
  Effect.map(
    Config.all({
      url: Environment.url,
      prefix: Environment.prefix,
      durability: Config.withDefault(Config.Literals(durabilities, Environment.variables.durability), "none")
    }),
    (options) => ({
      checks: [
        known(
          ok(
            "not checked: the bucket's type, its memory and the servers' clocks",
            "an ephemeral bucket that ejects what was not used lately signs users out: choose noEviction, or a couchbase bucket"
          )
        )
      ],
      provider: Couchbase.make(options)
    })
  )
