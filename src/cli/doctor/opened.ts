/**
 * A backend that `doctor` has connected to.
 */
import type * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import type { SessionConfig } from "../../Manager/configSchema.js"
import { variables } from "../../Provider/internal/environment.js"
import type { Provider } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import type { Check } from "./finding.js"

export type CannotOpen = SessionError | Config.ConfigError

export interface Opened {
  readonly checks: ReadonlyArray<Check>
  /** Why no trial can be made, if the checks tell what is missing. Without it, one can. */
  readonly untried?: Effect.Effect<string | undefined>
  /** The provider, for a trial. Nothing is created or changed by making it. */
  readonly provider: Effect.Effect<Provider, SessionError, Scope.Scope>
}

/** The failure of an address that cannot be one of this backend. */
export const mistaken = (mistake: string): Effect.Effect<never, SessionError> =>
  Effect.fail(new SessionError({ reason: "InvalidConfig", message: `${variables.url}: ${mistake}` }))

/** Connects as the app would, with the environment's options. */
export type Open = (config: SessionConfig) => Effect.Effect<Opened, CannotOpen, Scope.Scope>
