/**
 * An app whose sessions move from another library's layout to this library's own: as it was before, and while they move.
 */
import { createHash } from "node:crypto"
import { type SessionConfig, SessionLayer, SessionProvider } from "effect-session"
import * as Express from "effect-session/express"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import * as Stream from "#effect/Stream"
import { Shop, site } from "../people/site.js"

type Provider = SessionProvider.Provider

export interface Places {
  readonly from: Provider
  readonly to: Provider
  /** Whether ids are hashed at the old place. */
  readonly hashed?: boolean
}

export const secrets = [Redacted.make("keyboard cat")]

const gcInterval = "3650 days"

export const layerOf = (provider: Provider) => Layer.succeed(SessionProvider.SessionProvider, provider)

/** The app of before, on the sessions of express-session. */
export const before = ({ from, hashed = false }: Pick<Places, "from" | "hashed">) =>
  site({}, Express.layer(layerOf(from), { secrets, cookie: { maxAge: "14 days" }, id: { hashed }, gcInterval }))

export const options: SessionConfig.Options = {
  idleTimeout: "14 days",
  absoluteTimeout: "90 days",
  gcInterval,
  cookie: { name: "connect.sid", maxAge: "14 days", secrets }
}

/** The app while its sessions move. */
export const moving = ({ from, hashed, to }: Places, more: SessionConfig.Options = {}) =>
  site(
    {},
    SessionLayer.moving(
      { from: layerOf(from), codec: Express.codec, to: layerOf(to), stores: [Shop], hashed },
      { ...options, ...more }
    )
  )

/** The app when all have moved. */
export const after = ({ to }: Pick<Places, "to">) => site({}, SessionLayer.make(layerOf(to), options))

/** The id in a cookie of express-session. */
export const idIn = (cookie: string | undefined) =>
  /^[^=]+=s:(.*)\.[^.]+$/.exec(decodeURIComponent(cookie!))![1] as SessionProvider.StoredId

/** What the session of a cookie is kept under at its old place. */
export const keyIn = ({ hashed = false }: Pick<Places, "hashed">, cookie: string | undefined) =>
  hashed ? (createHash("sha256").update(idIn(cookie)).digest("base64url") as SessionProvider.StoredId) : idIn(cookie)

export const keys = ({ list }: Provider) =>
  Effect.map(Stream.runCollect(list!), (ids) => [...ids] as ReadonlyArray<string>)
