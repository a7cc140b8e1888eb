/**
 * The store of the demo's sessions.
 */
import { SessionStore } from "effect-session"
import * as Schema from "#effect/Schema"

export class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  /** The browser, in words for the list of the person's devices. */
  agent: SessionStore.field(Schema.String, { default: () => "An unknown browser" }),
  visits: SessionStore.field(Schema.Natural, { default: () => 0 }),
  cart: SessionStore.field(Schema.Array(Schema.String), { default: () => [] }),
  notice: Schema.String
}) {}
