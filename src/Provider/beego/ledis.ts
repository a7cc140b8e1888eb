/**
 * beego's `ledis` provider: a session is a string under its id, without any prefix, that LedisDB expires. beego has the database within
 * its own process, which locks the directory; what is here is reached through a ledis-server on the same directory.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Redis } from "ioredis"
import type { SessionError } from "../../SessionError.js"
import { toBuffer } from "../internal/bytes.js"
import { type Revision, SessionProvider } from "../Provider.js"
import { failed, pipelined, server } from "../redis/ioredis.js"
import { answer, capabilities, defaultPort, makeRunner, name } from "../redis/ledisScripts.js"
import { type Script, script } from "../redis/scripts.js"
import * as BeegoProvider from "./beegoProvider.js"

export interface Options {
  /** `host:port`, or `redis://:password@host:6380/3` with a password and a database (0 to 15). */
  readonly url: string
}

const timeout = Duration.seconds(5)

const scripted = (body: string): Script =>
  script(`
local call = ledis.call
local function secondsIn(ttl)
  local time = call('TIME')
  return string.format('%.0f', math.ceil(time[1] + time[2] / 1000000 + ttl / 1000) - time[1])
end
local function run()
  ${body.replaceAll("\n", "\n  ")}
end
${answer}`)

// The value itself is compared: LedisDB's sha1hex answers the text in hexadecimal, and computes no hash.
const unchanged = `local value = call('GET', KEYS[1])
if not value then return false end
if value ~= ARGV[1] then return 0 end`

/**
 * LedisDB counts in whole seconds, and lets a key expire at the first full second after its lifetime.
 *
 * KEYS: id. Lifetimes are in milliseconds. All answer nothing where there is no session, and 0 where it is at another revision.
 */
const scripts = {
  /** ARGV: expected revision, payload, ttl. */
  replace: scripted(`${unchanged}
call('SETEX', KEYS[1], secondsIn(ARGV[3]), ARGV[2])
return 1`),
  /** ARGV: expected revision. */
  removeAt: scripted(`${unchanged}
call('DEL', KEYS[1])
return 1`),
  /** ARGV: payload, ttl. */
  add: scripted(`if call('GET', KEYS[1]) then return false end
call('SETEX', KEYS[1], secondsIn(ARGV[2]), ARGV[1])
return 1`),
  remove: scripted(`call('DEL', KEYS[1])
return 1`),
  /** ARGV: ttl. */
  touch: scripted(`if call('EXPIRE', KEYS[1], secondsIn(ARGV[1])) == 0 then return false end
return 1`)
} satisfies Record<string, Script>

const store = (redis: Redis): BeegoProvider.BeegoStore => {
  const { ask, run } = makeRunner(redis, "")

  const call = <A, B>(operation: string, ask: () => Promise<A>, reply: (reply: A, now: number) => B) =>
    Effect.clockWith((clock) =>
      Effect.tryPromise({
        try: async () => reply(await ask(), clock.unsafeCurrentTimeMillis()),
        catch: (cause) => failed(name)(operation, cause)
      })
    )

  return {
    name,
    // A change sends what was read as well, and LedisDB takes seconds for more than that.
    capabilities: { ...capabilities, maxPayload: capabilities.maxPayload / 2 },
    revisionOf: (payload) => toBuffer(payload).toString("latin1") as Revision,
    // An answer is no session.
    isKey: (id) => id !== "" && !id.startsWith("answer:"),
    // TTL tells whole seconds, rounded up, and -1 both of what never expires and of what is not there: so it comes first, and what is
    // still there afterwards never expires.
    get: (operation, id) =>
      call(
        operation,
        () =>
          ask(() =>
            pipelined(redis, [
              ["ttl", id],
              ["get", id]
            ])
          ),
        ([seconds, payload], now) =>
          Buffer.isBuffer(payload)
            ? { payload, expiresAt: Number(seconds) < 0 ? BeegoProvider.never : now + Number(seconds) * 1000 }
            : undefined
      ),
    add: (operation, id, payload, ttl) =>
      call(
        operation,
        () => run(scripts.add, [id], [toBuffer(payload), millis(ttl)]),
        (reply, now) => (reply === null ? undefined : now + millis(ttl))
      ),
    replace: (operation, id, payload, ttl, revision) =>
      call(
        operation,
        () => run(scripts.replace, [id], [fromRevision(revision), toBuffer(payload), millis(ttl)]),
        (reply, now) => (reply === null ? "gone" : reply === 0 ? "changed" : now + millis(ttl))
      ),
    removeAt: (operation, id, revision) =>
      call(
        operation,
        () => run(scripts.removeAt, [id], [fromRevision(revision)]),
        (reply) => (reply === null ? "gone" : reply === 0 ? "changed" : "done")
      ),
    remove: (operation, id) =>
      call(
        operation,
        () => run(scripts.remove, [id], []),
        () => undefined
      ),
    touch: (operation, id, ttl) =>
      call(
        operation,
        () => run(scripts.touch, [id], [millis(ttl)]),
        (reply, now) => (reply === null ? undefined : now + millis(ttl))
      )
  }
}

const fromRevision = (revision: Revision): Buffer => Buffer.from(revision, "latin1")

const millis = (ttl: Duration.Duration): number => Math.ceil(Duration.toMillis(ttl))

/** Fails with `Unavailable` where there is no connection, and with `InvalidConfig`. */
export const layer = ({ url }: Options): Layer.Layer<SessionProvider, SessionError> =>
  Layer.scoped(
    SessionProvider,
    Effect.map(server(name, timeout, url, defaultPort, undefined), (redis) => BeegoProvider.make(store(redis)))
  )
