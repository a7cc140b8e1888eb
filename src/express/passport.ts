/**
 * What passport keeps in a session.
 */
import * as Schema from "#effect/Schema"

/**
 * The Schema of the field `passport`, in which passport notes who has signed in: `{ user }`, with what the app's
 * `passport.serializeUser` made of the user, or `{}` after a sign-out. Declare the field under this name.
 *
 * @example
 * import { Effect, Option, Schema } from "effect"
 * import { SessionStore } from "effect-session"
 * import * as Express from "effect-session/express"
 *
 * class Visitor extends SessionStore.Tag<Visitor>()("Visitor", {
 *   passport: Express.passport(Schema.String)
 * }) {}
 *
 * const user = Effect.flatMap(Visitor, (session) => session.get("passport")).pipe(
 *   Effect.map(Option.flatMap(({ user }) => Option.fromNullishOr(user)))
 * )
 *
 * @since 3.0.0
 * @category fields
 */
export const passport = <A, I>(user: Schema.Codec<A, I>) => Schema.Struct({ user: Schema.optional(user) })
