// An attack: somebody plants the id of a session of their own on a victim and, while the victim signs in, keeps sending requests with it.
import { type SessionError, SessionManager, SessionProvider, SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { jar } from "../support/cookies.js"
import { Identity } from "./app.js"
import type { ProviderLayer } from "./backends.js"
import { type Answer, after, given, oneOf, type Random, type Site, together, upTo } from "./client.js"

/** The provider, each of whose calls waits for a random time before it goes, and before its answer comes. */
export const delayed = (layer: ProviderLayer, random: Random, millis: number): ProviderLayer => {
  const wait = Effect.suspend(() => (random() < 0.5 ? Effect.void : Effect.sleep(upTo(random, millis))))
  const slow =
    <Args extends ReadonlyArray<unknown>, A>(call: (...args: Args) => Effect.Effect<A, SessionError>) =>
    (...args: Args) =>
      Effect.tap(
        Effect.andThen(
          wait,
          Effect.suspend(() => call(...args))
        ),
        wait
      )
  const slowed = Effect.map(SessionProvider.SessionProvider, (inner) => ({
    ...inner,
    capabilities: { ...inner.capabilities, inProcess: false, answersWithin: Number.POSITIVE_INFINITY },
    read: slow(inner.read),
    create: slow(inner.create),
    write: slow(inner.write),
    touch: slow(inner.touch),
    exists: slow(inner.exists),
    destroy: slow(inner.destroy),
    regenerate: slow(inner.regenerate),
    marked: inner.marked && slow(inner.marked)
  }))
  return Layer.provide(Layer.effect(SessionProvider.SessionProvider, slowed), layer)
}

/** What the attacker's requests do; a blank is where they may wait. Now and then one ends the session. */
const attacks = [
  "read renew inc read",
  "read renew save read inc id",
  "read renew trySave read inc id",
  "renew inc id",
  "read inc read renew id",
  "renew save renew save id read",
  "read inc read id",
  "inc trySave read inc id",
  "read inc save read id",
  "read add read",
  "read touch read id",
  "trySave inc renew read id",
  "read touch inc renew inc trySave renew id"
]

const signIns = [
  "read renew USER",
  "renew USER",
  "read renew USER save",
  "USER renew save read",
  "read renew save USER"
]

const steps = (random: Random, text: string): string =>
  text
    .split(" ")
    .flatMap((step) => (random() < 0.5 ? [step] : [`sleep:${upTo(random, 2)}`, step]))
    .join(",")

/** Whose the session of a cookie is, if it is there. */
const userOf = (cookie: string) =>
  SessionManager.open(Identity, SessionStore.sessionId(cookie.replace("id=", ""))).pipe(
    Effect.flatMap((session) => session.get("user")),
    Effect.map(Option.getOrElse(() => "")),
    Effect.catchIf(
      ({ reason }) => reason === "NotFound",
      () => Effect.succeed(undefined)
    ),
    Effect.orDie
  )

/** How many requests the attacker has in flight around one sign-in. */
const inFlight = 20

/** One try: what it gave away that it should not have. */
export const attack = (site: Site, random: Random, user: string) =>
  Effect.gen(function* () {
    const planted = given(yield* site.send("", "user:eve,cart:evil"))
    const victim = jar()
    const evil = Array.from({ length: inFlight }, () =>
      after(
        upTo(random, 12),
        site.send(planted, steps(random, random() < 0.02 ? "read end inc" : oneOf(random, attacks)))
      )
    )
    const form = oneOf(random, signIns)
    const signIn = after(
      upTo(random, 8),
      Effect.tap(site.send(planted, steps(random, form.replace("USER", `user:${user}`))), (answer) =>
        Effect.sync(() => victim.keep(answer))
      )
    )
    const [signedIn, ...answers] = yield* together([signIn, ...evil])
    const own = yield* site.send(victim.header(), "read,inc")
    // What the attacker has now: cookies that were set, ids that were shown, and the one that was planted.
    const ids = answers.flatMap(({ seen }) => seen.ids.map((id) => `id=${id}`))
    const cookies = new Set([planted, ...answers.map(given), ...ids].filter((cookie) => cookie !== ""))
    const later = yield* Effect.forEach(cookies, userOf, { concurrency: "unbounded" }).pipe(
      Effect.provide(site.context)
    )
    const isVictims = ({ seen }: Answer) => seen.users.includes(user)
    return {
      form,
      signedIn: [signedIn!.status, ...own.seen.users],
      shown: answers.filter(isVictims).length + later.filter((seen) => seen === user).length,
      shared: cookies.has(victim.header()),
      broken: answers.filter(({ status }) => status !== 200 && status !== 503).length,
      planted: later[0],
      refused: answers.filter(({ status }) => status === 503).length,
      sessions: cookies.size
    }
  })
