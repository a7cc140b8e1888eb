/**
 * An app whose sessions move from another library's layout to this library's own: as it was before, and while they move.
 */
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
}

export const secrets = [Redacted.make("keyboard cat")]

const gcInterval = "3650 days"

export const layerOf = (provider: Provider) => Layer.succeed(SessionProvider.SessionProvider, provider)

/** The app of before, on the sessions of express-session. */
export const before = ({ from }: Pick<Places, "from">) =>
  site({}, Express.layer(layerOf(from), { secrets, cookie: { maxAge: "14 days" }, gcInterval }))

export const options: SessionConfig.Options = {
  idleTimeout: "14 days",
  absoluteTimeout: "90 days",
  gcInterval,
  cookie: { name: "connect.sid", maxAge: "14 days", secrets }
}

/** The app while its sessions move. */
export const moving = ({ from, to }: Places, more: SessionConfig.Options = {}) =>
  site(
    {},
    SessionLayer.moving(
      { from: layerOf(from), codec: Express.codec, to: layerOf(to), stores: [Shop] },
      { ...options, ...more }
    )
  )

/** The app when all have moved. */
export const after = ({ to }: Pick<Places, "to">) => site({}, SessionLayer.make(layerOf(to), options))

/** The id in a cookie of express-session. */
export const idIn = (cookie: string | undefined) =>
  /^[^=]+=s:(.*)\.[^.]+$/.exec(decodeURIComponent(cookie!))![1] as SessionProvider.StoredId

export const keys = ({ list }: Provider) =>
  Effect.map(Stream.runCollect(list!), (ids) => [...ids] as ReadonlyArray<string>)
