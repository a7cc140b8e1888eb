/**
 * The store of the demo's sessions.
 */
import * as Schema from "effect/Schema"
import { SessionStore } from "effect-session"

export class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  name: Schema.String,
  visits: SessionStore.field(Schema.NonNegativeInt, { default: () => 0 }),
  cart: SessionStore.field(Schema.Array(Schema.String), { default: () => [] }),
  notice: Schema.String
}) {}
