// What tests of providers that keep marks share.
import type { SessionError, SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"

/** Where one gets from an id by marks that name the successor, as long as there are any. */
export const lastOf = (
  provider: SessionProvider.Provider,
  id: SessionProvider.StoredId
): Effect.Effect<SessionProvider.StoredId, SessionError> =>
  Effect.flatMap(provider.marked!(id), (mark) =>
    Option.isNone(mark)
      ? Effect.succeed(id)
      : lastOf(provider, Buffer.from(mark.value).toString() as SessionProvider.StoredId)
  )
