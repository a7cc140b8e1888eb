/**
 * beego's `ssdb` provider: a session is a string under its id, without any prefix, which SSDB expires. A
 * compare-and-set holds the lock that `effect-session/ssdb` describes, a key that begins with `lock:`; Go does not use
 * it.
 */
import type { Redis } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import { toBuffer } from "../../internal/bytes.js"
import type { Failure } from "../../internal/failure.js"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import { never } from "../../Provider/internal/time.js"
import { type Revision, SessionProvider } from "../../Provider/Provider.js"
import { type Command, pipelined, server } from "../../Provider/redis/ioredis.js"
import type { Link } from "../../Provider/redis/link.js"
import { type Decision, locked } from "../../Provider/ssdb/locks.js"
import { call, capabilities, defaultPort, name, secondsOf } from "../../Provider/ssdb/server.js"
import type { SessionError } from "../../SessionError.js"

export interface Options {
  /** `host:port`, or `redis://:password@host:8888` with a password. */
  readonly url: string | Redacted.Redacted
}

const timeout = Duration.seconds(2)

const store = (link: Link<Redis>): ForeignProvider.ForeignStore => {
  /** Sends commands that may be sent again. */
  const ask = (commands: ReadonlyArray<Command>) => link.call(() => pipelined(link.client, commands), true)
  // TTL returns -1 both for a key that never expires and for one that does not exist. Therefore it comes first: a key
  // that still exists afterwards never expires.
  const look = (id: string): ReadonlyArray<Command> => [
    ["ttl", id],
    ["get", id]
  ]

  const change = <A>(
    id: string,
    decide: (found: ForeignProvider.Found | undefined, now: number) => Decision<A>
  ): Effect.Effect<A, Failure> =>
    call((now) =>
      locked(
        link,
        Duration.toMillis(timeout),
        `lock:${id}`,
        look(id),
        (replies) => decide(toFound(replies, now), now),
        // What is stored tells nothing about who stored it.
        false
      )
    )

  /** Changes the session if it is at `revision`. */
  const changeAt = <A>(
    id: string,
    revision: Revision,
    decide: (now: number) => Decision<A>
  ): Effect.Effect<A | "changed" | "gone", Failure> =>
    change<A | "changed" | "gone">(id, (found, now) =>
      found === undefined
        ? { answer: "gone", changes: [] }
        : ForeignProvider.sha1(found.payload) === revision
          ? decide(now)
          : { answer: "changed", changes: [] }
    )

  const setting = (id: string, payload: Uint8Array, ttl: Duration.Duration, now: number): Decision<number> => ({
    answer: now + secondsOf(ttl) * 1000,
    changes: [["setex", id, secondsOf(ttl), toBuffer(payload)]]
  })

  return {
    name,
    capabilities,
    // A lock is not a session. SSDB's keys have at most 200 bytes, those of locks too.
    isKey: (id) => id !== "" && Buffer.byteLength(id) <= 190 && !id.startsWith("lock:"),
    get: (id) => call((now) => ask(look(id)).then((replies) => toFound(replies, now))),
    add: (id, payload, ttl) =>
      change<number | undefined>(id, (found, now) =>
        found === undefined ? setting(id, payload, ttl, now) : { answer: undefined, changes: [] }
      ),
    replace: (id, payload, ttl, revision) => changeAt(id, revision, (now) => setting(id, payload, ttl, now)),
    removeAt: (id, revision) => changeAt(id, revision, () => ({ answer: "done", changes: [["del", id]] })),
    remove: (id) => change(id, (found) => ({ answer: undefined, changes: found === undefined ? [] : [["del", id]] })),
    // Needs no lock: it compares nothing, and EXPIRE does not bring back a key.
    touch: (id, ttl) =>
      call(async (now) => {
        const [touched] = await ask([["expire", id, secondsOf(ttl)]])
        return touched === 1 ? now + secondsOf(ttl) * 1000 : undefined
      })
  }
}

/** TTL returns whole seconds, rounded down. */
const toFound = ([seconds, payload]: ReadonlyArray<unknown>, now: number): ForeignProvider.Found | undefined =>
  Buffer.isBuffer(payload)
    ? { payload, expiresAt: Number(seconds) < 0 ? never : now + (Number(seconds) + 1) * 1000 }
    : undefined

/**
 * Provides sessions in SSDB as beego does. Fails with `Unavailable` if there is no connection, and with `InvalidConfig`
 * if an option is wrong.
 */
export const layer = ({ url }: Options): Layer.Layer<SessionProvider, SessionError> =>
  Layer.effect(
    SessionProvider,
    Effect.map(server(name, timeout, url, defaultPort, undefined, { isPatient: true }), (link) =>
      ForeignProvider.make(store(link))
    )
  )
