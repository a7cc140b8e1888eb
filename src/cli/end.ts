/**
 * Ends sessions: one, a person's, or all of them.
 */
import * as Console from "#effect/Console"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as SessionManager from "../Manager/SessionManager.js"
import { nameOf } from "../Manager/Telemetry.js"
import { SessionError } from "../SessionError.js"
import { type Refused, refused } from "./exits.js"
import { ofPerson } from "./list.js"

interface Which {
  readonly session: Option.Option<string>
  readonly principal: Option.Option<string>
  readonly everything: boolean
}

const none = (name: string) =>
  new SessionError({
    reason: "NotFound",
    message: `end: no live session has the name ${name}: it has ended, or has another name since it changed its id; list them again`
  })

/** Ends the session that `list`, events and logs call so. */
const endOne = (name: string, principal: Option.Option<string>) =>
  Effect.gen(function* () {
    const manager = yield* SessionManager.SessionManager
    if (Option.isSome(principal)) {
      const found = (yield* ofPerson(manager, principal.value)).find(({ kept }) => nameOf(kept.ref) === name)
      return yield* found === undefined ? none(name) : SessionManager.endSession(principal.value, found.entry.family)
    }
    const found = yield* Stream.runHead(Stream.filter(manager.list, (ref) => nameOf(ref) === name))
    return yield* Option.isNone(found) ? none(name) : SessionManager.destroy(found.value)
  })

/** Refuses if it is not said which sessions are to end. */
export const understood = ({ everything, principal, session }: Which): Effect.Effect<void, Refused> =>
  everything && Option.isSome(session)
    ? refused("end: give the name of a session, or --everything, and not both")
    : everything && Option.isSome(principal)
      ? refused("end: give --principal or --everything, and not both")
      : everything || Option.isSome(session) || Option.isSome(principal)
        ? Effect.void
        : refused(
            "end: which ones? Give the name of a session as `list` shows it, --principal for all of a person's, or --everything"
          )

export const end = ({ principal, session }: Which): Effect.Effect<void, SessionError, SessionManager.SessionManager> =>
  Option.isSome(session)
    ? Effect.andThen(endOne(session.value, principal), Console.log(`Ended ${session.value}.`))
    : Option.isSome(principal)
      ? Effect.andThen(SessionManager.endAll(principal.value), Console.log("Ended all sessions of this person."))
      : Effect.andThen(SessionManager.endEverything, Console.log("Ended all sessions."))
