/**
 * The parts of a manager that all its sessions share.
 */
import type { SessionCodec } from "../Store/Codec.js"
import type { Device } from "./bound/binding.js"
import type { Surroundings } from "./Calls.js"
import type { Caches } from "./caches.js"
import type { SessionConfig } from "./configSchema.js"
import type { CrossOrigin } from "./crossOrigin.js"
import type { Keeper } from "./Keeper.js"
import type { Base } from "./Outcome.js"
import type { People } from "./people/People.js"
import type { Clients } from "./signals.js"
import type { Transport } from "./Transport.js"
import type { Patience, Turns } from "./Turns.js"
import type { UnderWay } from "./underWay.js"
import type { Warnings } from "./warnings.js"

export interface Environment extends Surroundings {
  readonly config: SessionConfig
  readonly keeper: Keeper
  readonly transport: Transport
  readonly caches: Caches
  readonly crossOrigin: CrossOrigin
  readonly codec: SessionCodec
  readonly warnings: Warnings
  readonly underWay: UnderWay
  readonly turns: Turns<Base>
  /** Lists the sessions of people who have signed in; undefined if the backend keeps no lists. */
  readonly people: People | undefined
  /** The settings of sessions that are bound to devices; undefined if none are. */
  readonly device: Device | undefined
  /** Finds the clients of requests; undefined if no signals are asked for. */
  readonly clients: Clients | undefined
  /** How long a fiber waits in a line. */
  readonly patience: Patience
}
