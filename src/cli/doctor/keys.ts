/**
 * What `doctor` says of keys, without showing any: how many there are, whether they are random, and which of them seal the
 * sessions that are stored.
 *
 * The age of a key cannot be told: a key is nothing but random bytes, and a seal has no date. When a session began says
 * nothing either, since it is sealed anew, with the first key, each time that it is saved.
 */
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type * as Redacted from "#effect/Redacted"
import * as Stream from "#effect/Stream"
import { makeAtRest } from "../../Manager/atRest.js"
import type { SessionConfig } from "../../Manager/configSchema.js"
import { advice, readKey } from "../../Provider/internal/keyRing.js"
import type { Provider } from "../../Provider/Provider.js"
import { keyVariables, type Use } from "../keys.js"
import { given } from "./configuration.js"
import { type Check, type Finding, known, ok, present, warning, wrong } from "./finding.js"

/** The text of each key in a variable. */
const textsIn = (variable: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(given(variable), (text) =>
    text === undefined || text === "id" ? [] : text.split(",").map((key) => key.trim())
  )

const numbers = (places: ReadonlyArray<number>): string =>
  `${places.length > 1 ? "keys" : "key"} ${places.map((place) => place + 1).join(", ")}`

/** The keys themselves, of one use. */
export const keysFor = (use: Use): Effect.Effect<ReadonlyArray<Finding>> => {
  const variable = keyVariables[use]
  return Effect.map(textsIn(variable), (texts) => {
    const keys = texts.map(readKey)
    const weak = keys.flatMap((key, i) =>
      typeof key === "string" ? [wrong(`${variable}: key ${i + 1} of ${keys.length} is weak: ${key}`, advice)] : []
    )
    const same = keys.flatMap((key, i) =>
      typeof key !== "string" && keys.findIndex((other) => typeof other !== "string" && other.equals(key)) < i
        ? [i]
        : []
    )
    return texts.length === 0
      ? []
      : present([
          ...weak,
          same.length > 0 &&
            warning(
              `${variable}: ${numbers(same)} of ${keys.length} stands there twice`,
              "leave the second one out; if it was to be a new key, nothing was rotated"
            ),
          weak.length === 0 &&
            ok(
              keys.length === 1
                ? `${variable}: one key, whose age is unknown: neither keys nor seals have a date`
                : `${variable}: ${keys.length} keys, of unknown age: the first seals, and all of them open`,
              `to rotate, put a new key in front (effect-session keys ${use} --rotate), and drop the old one when its last session has expired`
            )
        ])
  })
}

/** How many sessions are looked at. */
const most = 200

/** With which key each of some sessions is sealed: the key's position, or -1 for none of them. */
const sealers = (
  provider: Provider,
  list: NonNullable<Provider["list"]>,
  config: SessionConfig,
  keys: ReadonlyArray<Redacted.Redacted<string | Uint8Array>>
): Effect.Effect<ReadonlyArray<number>, unknown> =>
  Effect.flatMap(
    Effect.forEach(keys, (key) => makeAtRest({ ...config, atRest: { keys: [key], migrating: false } })),
    (openers) =>
      Stream.take(list, most).pipe(
        Stream.runCollect,
        Effect.flatMap((ids) =>
          Effect.forEach(
            Array.from(ids),
            (id) =>
              Effect.map(
                provider.read(id),
                Option.map(({ payload }) =>
                  openers.findIndex(({ open }) => open("session", id, undefined, payload) !== undefined)
                )
              ),
            { concurrency: 8 }
          )
        ),
        // Some have ended meanwhile.
        Effect.map((found) => found.flatMap((one) => (Option.isSome(one) ? [one.value] : [])))
      )
  )

/** Which keys seal the sessions that are stored. */
export const sealing = (provider: Provider, config: SessionConfig): ReadonlyArray<Check> => {
  const { atRest } = config
  const name = "which keys seal the sessions"
  if (atRest === undefined || atRest === "id" || atRest.keys === "id") {
    return []
  }
  const { keys, migrating } = atRest
  const { list } = provider
  const variable = keyVariables["at-rest"]
  if (list === undefined) {
    return [known(ok(`not checked: ${name}: ${provider.name} cannot list them`))]
  }
  return [
    {
      name,
      look: Effect.map(sealers(provider, list, config, keys), (found) => {
        const count = (place: number) => found.filter((one) => one === place).length
        const none = count(-1)
        const idle = keys.flatMap((_, place) => (place > 0 && count(place) === 0 ? [place] : []))
        const shares = keys.map((_, place) => `${count(place)} with key ${place + 1}`).join(", ")
        return present([
          ok(`${variable}: of a sample of ${found.length} sessions are sealed: ${shares}`),
          none > 0 &&
            (migrating === false
              ? warning(
                  `${variable}: ${none} of a sample of ${found.length} sessions are sealed with none of the keys, or not at all: they cannot be opened, and their users are signed out`,
                  "put the old key back at the end of the list, or set SESSION_AT_REST_MIGRATING while sessions of before are taken over"
                )
              : ok(`${none} of a sample of ${found.length} sessions are not sealed with one of the keys yet`)),
          found.length > 0 &&
            idle.length > 0 &&
            ok(
              `${variable}: ${numbers(idle)} seals none of them`,
              found.length < most
                ? "drop it, unless a process still seals with it"
                : "drop it when the longest lifetime has passed since the last key was added"
            )
        ])
      })
    }
  ]
}
