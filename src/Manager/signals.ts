/**
 * What a request tells of its client: its address and its agent. Events carry salted hashes of them. A session that
 * somebody has signed in to keeps hashes that are keyed with its id, so that a request from elsewhere is noticed, and
 * nobody who has a copy of the backend's data can search them. Nothing is decided by either.
 */
import { createHmac, randomBytes } from "node:crypto"
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import type { Owner, SessionData } from "../Store/Codec.js"
import type { SessionConfig } from "./configSchema.js"
import { payloadOf } from "./content.js"
import type { Base } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"

/**
 * What can be told of a client.
 *
 * @since 3.0.0
 * @category models
 */
export type Signal = "address" | "agent"

/**
 * Hashes of what a request told of its client, as `signals` in the configuration asks for them.
 *
 * @since 3.0.0
 * @category models
 */
export interface Signals {
  /** Of the client's address. Left out if the platform does not know it. */
  readonly address?: string
  /** Of the User-Agent header; of an empty text if there is none. */
  readonly agent?: string
}

/** 96 bits: too many to meet by chance, and few enough to read. */
const digest = (key: string | Uint8Array, text: string): string =>
  createHmac("sha256", key).update(text).digest("base64url").slice(0, 16)

const kinds = ["address", "agent"] as const

/** The client of a request. */
export class Client {
  private salted: Signals | undefined = undefined

  constructor(
    private readonly values: Signals,
    private readonly salt: string | Uint8Array
  ) {}

  /** For events: the same for all sessions. */
  get signals(): Signals {
    this.salted ??= this.hashed((value) => digest(this.salt, value))
    return this.salted
  }

  /** For the session with this id alone. */
  under(id: string): Signals {
    return this.hashed((value, kind) => digest(id, `effect-session ${kind} ${value}`))
  }

  private hashed(hash: (value: string, kind: Signal) => string): Signals {
    const hashes: { -readonly [K in Signal]?: string } = {}
    for (const kind of kinds) {
      const value = this.values[kind]
      if (value !== undefined) hashes[kind] = hash(value, kind)
    }
    return hashes
  }
}

const readers: { readonly [S in Signal]: (request: HttpServerRequest) => string | undefined } = {
  // Where a server listens on IPv6 too, an IPv4 address is written as one of IPv6.
  address: ({ remoteAddress }) => Option.getOrUndefined(remoteAddress)?.replace(/^::ffff:(?=\d+\.)/i, ""),
  agent: ({ headers }) => headers["user-agent"] ?? ""
}

/** Finds the client of a request. */
export type Clients = (request: HttpServerRequest) => Client

/** Returns what finds the clients of requests; undefined if nothing asks for it. */
export const makeClients = ({ signalSalt, signals }: SessionConfig): Clients | undefined => {
  if (signals.length === 0) {
    return undefined
  }
  const salt = signalSalt === undefined ? randomBytes(32) : Redacted.value(signalSalt)
  const wanted = kinds.filter((kind) => signals.includes(kind))
  return (request) => {
    const values: { -readonly [K in Signal]?: string } = {}
    for (const kind of wanted) {
      const value = readers[kind](request)
      if (value !== undefined) values[kind] = value
    }
    return new Client(values, salt)
  }
}

/** The owner of a session that is to be stored under an id that its client knows, with what that is seen with now. */
export const seenWith = ({ client }: RequestState, owner: Owner, id: string | undefined): Owner =>
  client === undefined || id === undefined ? owner : { ...owner, client: { ...owner.client, ...client.under(id) } }

/**
 * Notices, when a session was read in which somebody has signed in, that its client is seen with something else than
 * before. Notes that in the session at once, with compare-and-set, so that of several requests one reports it, whatever
 * becomes of the request. A session that clients hold is noted in the response.
 */
export const noticeMove = (session: RequestState): Effect.Effect<void> | undefined => {
  const { base, client } = session
  const owner = base?.data.owner
  const id = base?.kept.id
  if (base === undefined || owner === undefined || id === undefined || client === undefined) {
    return undefined
  }
  const now = client.under(id)
  const before: Signals = owner.client ?? {}
  const differing = kinds.filter((kind) => now[kind] !== undefined && now[kind] !== before[kind])
  if (differing.length === 0) {
    return undefined
  }
  const changed = differing.filter((kind) => before[kind] !== undefined)
  const tell = () => {
    if (changed.length > 0) session.env.telemetry.moved(base.kept.ref, changed, session)
  }
  if (session.env.keeper.needsResponse) {
    session.noting = true
    return Effect.sync(tell)
  }
  return Effect.map(noteClient(session, base), (stored) => {
    if (stored === undefined) return
    if (session.base === base) session.origin = { _tag: "Live", base: stored }
    tell()
  })
}

/**
 * Stores the session with what its client is seen with, and with the lifetime that it has, or with this one. The result
 * is undefined if that could not be done: no request fails for it.
 */
export const noteClient = (session: RequestState, base: Base, lifetime?: number): Effect.Effect<Base | undefined> =>
  Effect.clockWith((clock) => {
    const { keeper } = session.env
    const { kept } = base
    const data: SessionData = { ...base.data, owner: seenWith(session, base.data.owner!, kept.id) }
    const now = millisOf(clock)
    const life = lifetime ?? kept.expiresAt - now
    const payload = payloadOf(session.env, data, now + life)
    return payload instanceof Uint8Array
      ? Effect.matchCause(keeper.save(kept, payload, Duration.millis(life)), {
          onFailure: () => undefined,
          onSuccess: (result) => (result._tag === "Saved" ? { kept: result.kept, data } : undefined)
        })
      : Effect.succeed(undefined)
  })
