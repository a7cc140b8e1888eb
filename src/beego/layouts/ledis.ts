/**
 * beego's `ledis` provider: a session is a string under its id, without any prefix, which LedisDB expires. beego has
 * the database within its own process, which locks the directory; this module uses a ledis-server on the same
 * directory.
 */
import type { Redis } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import * as Scripted from "../../Provider/foreign/scripted.js"
import { never } from "../../Provider/internal/time.js"
import { answer, makeRunner } from "../../Provider/ledis/scripts.js"
import { capabilities, defaultPort, name } from "../../Provider/ledis/server.js"
import { SessionProvider } from "../../Provider/Provider.js"
import { pipelined, server } from "../../Provider/redis/ioredis.js"
import type { Link } from "../../Provider/redis/link.js"
import { type Script, script } from "../../Provider/redis/scripts.js"
import type { SessionError } from "../../SessionError.js"

export interface Options {
  /** `host:port`, or `redis://:password@host:6380/3` with a password and a database (0 to 15). */
  readonly url: string | Redacted.Redacted
}

const timeout = Duration.seconds(5)

const scripted = (body: string, repeatable = false): Script =>
  script(
    `
local call = ledis.call
local function secondsIn(ttl)
  local time = call('TIME')
  return string.format('%.0f', math.ceil(time[1] + time[2] / 1000000 + ttl / 1000) - time[1])
end
local function run()
  ${body.replaceAll("\n", "\n  ")}
end
${answer}`,
    { repeatable }
  )

// The value itself is compared: LedisDB's sha1hex returns the text in hexadecimal, and computes no hash.
const unchanged = `local value = call('GET', KEYS[1])
if not value then return false end
if value ~= ARGV[1] then return 0 end`

/** LedisDB counts in whole seconds, and expires a key at the first full second after its lifetime. */
const scripts: Scripted.Scripts = {
  replace: scripted(`${unchanged}
call('SETEX', KEYS[1], secondsIn(ARGV[3]), ARGV[2])
return 1`),
  removeAt: scripted(`${unchanged}
call('DEL', KEYS[1])
return 1`),
  add: scripted(`if call('GET', KEYS[1]) then return false end
call('SETEX', KEYS[1], secondsIn(ARGV[2]), ARGV[1])
return 1`),
  remove: scripted(`call('DEL', KEYS[1])
return 1`),
  touch: scripted(
    `if call('EXPIRE', KEYS[1], secondsIn(ARGV[1])) == 0 then return false end
return 1`,
    true
  )
}

const store = (link: Link<Redis>): ForeignProvider.ForeignStore => {
  const { ask, run } = makeRunner(link, "")

  return {
    name,
    // A change also sends the bytes that were read, and LedisDB takes seconds for more than that.
    capabilities: { ...capabilities, maxPayload: capabilities.maxPayload / 2 },
    revisionOf: ForeignProvider.content,
    // The key of a script's result is not a session.
    isKey: (id) => id !== "" && !id.startsWith("answer:"),
    // TTL returns whole seconds, rounded up, and -1 both for a key that never expires and for one that does not exist.
    // Therefore it comes first: a key that still exists afterwards never expires.
    get: (id) =>
      Scripted.timed(
        () =>
          ask(() =>
            pipelined(link.client, [
              ["ttl", id],
              ["get", id]
            ])
          ),
        ([seconds, payload], now) =>
          Buffer.isBuffer(payload)
            ? { payload, expiresAt: Number(seconds) < 0 ? never : now + Number(seconds) * 1000 }
            : undefined
      ),
    ...Scripted.changes({ run }, scripts, "", (revision) => Buffer.from(revision, "latin1"))
  }
}

/**
 * Provides sessions in LedisDB as beego does. Fails with `Unavailable` if there is no connection, and with
 * `InvalidConfig` if an option is wrong.
 */
export const layer = ({ url }: Options): Layer.Layer<SessionProvider, SessionError> =>
  Layer.effect(
    SessionProvider,
    Effect.map(server(name, timeout, url, defaultPort, undefined, { isPatient: true }), (link) =>
      ForeignProvider.make(store(link))
    )
  )
