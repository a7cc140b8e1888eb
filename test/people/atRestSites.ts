/**
 * Sites whose sessions are sealed at rest: with keys, and with each session's own id.
 */
import { hash } from "node:crypto"
import type { SessionConfig, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { StoredId } from "../../src/Provider/Provider.js"
import { key } from "../support/cookies.js"
import { type Browser, type increment, over, site } from "./site.js"

export const keys = [key()]
export const forms = [{ atRest: { keys } }, { atRest: "id" }] as const satisfies ReadonlyArray<SessionConfig.Options>
export const nameOf = ({ atRest }: (typeof forms)[number]) => (atRest === "id" ? "with ids" : "with keys")

export const refOf = ({ cookie }: Browser) => hash("sha256", cookie!.split("=")[1]!, "base64url") as StoredId
export const count = (session: Parameters<typeof increment>[0]) => session.get("count")

/** Managers with these options, on one backend. */
export const sites = (...each: ReadonlyArray<SessionConfig.Options>) =>
  Effect.suspend(() => {
    const provider = Memory.make()
    return Effect.map(
      Effect.forEach(each, (options) => site({}, over(provider, options))),
      (sites) => ({ provider, sites })
    )
  })

/** A browser of another process of the app. */
export const at = (browser: Browser, { browser: make }: { readonly browser: () => Browser }): Browser =>
  Object.assign(make(), { cookie: browser.cookie })

export const read = (provider: SessionProvider.Provider, ref: StoredId) =>
  Effect.map(provider.read(ref), (stored) => Buffer.from(Option.getOrThrow(stored).payload))
