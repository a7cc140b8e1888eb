/**
 * The parts of a manager that all its sessions share.
 */
import type * as Effect from "#effect/Effect"
import type { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import type { SessionConfig } from "./configSchema.js"
import type { Keeper } from "./Keeper.js"
import type { Base } from "./Outcome.js"
import type { Reports } from "./reports.js"
import type { Telemetry } from "./Telemetry.js"
import type { Transport } from "./Transport.js"
import type { Patience, Turns } from "./Turns.js"
import type { Warnings } from "./warnings.js"

export interface Environment {
  readonly config: SessionConfig
  readonly keeper: Keeper
  readonly transport: Transport
  readonly codec: SessionCodec
  readonly telemetry: Telemetry
  readonly reports: Reports
  readonly warnings: Warnings
  readonly turns: Turns<Base>
  /** How long a fiber waits in a line. */
  readonly patience: Patience
  /** Bounds a whole commit in time; each of its calls is bounded already. */
  readonly bounded: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | SessionError>
}
