/**
 * The commands and keys that a user of Redis needs, each tried: docs/providers/redis.md has the same list. Each command is
 * sent in a form that changes nothing, for a session that does not exist.
 */
import { randomBytes } from "node:crypto"
import type { Redis } from "ioredis"
import * as Effect from "#effect/Effect"
import { Failure as Failed, type Failure } from "../../internal/failure.js"
import { failureOf, replyCode } from "../../Provider/redis/failures.js"
import { type Finding, foundOr, ok, warning, wrong } from "./finding.js"

interface Wanted {
  readonly prefix: string
  readonly minReplicas: number
}

type Call = readonly [name: string, ...args: Array<string | number>]

/** What a command is needed for: without it no session is kept, or only a part is missing. */
const commands = (
  key: string,
  { minReplicas }: Wanted
): Readonly<Record<"sessions" | "listing", ReadonlyArray<Call>>> => ({
  sessions: [
    ["get", key],
    ["set", key, "", "XX", "PX", 1],
    ["getrange", key, 0, 0],
    ["setrange", key, 0, ""],
    ["exists", key],
    ["pexpire", key, 1],
    ["del", key],
    ["eval", "return 1", 0],
    ["evalsha", "0".repeat(40), 0],
    ...(minReplicas > 0 ? ([["wait", 0, 1], ["ping"]] as const) : [])
  ],
  listing: [["scan", 0, "COUNT", 1]]
})

/** The error of each call, if there was one. */
const errorsOf = (client: Redis, calls: ReadonlyArray<Call>): Effect.Effect<ReadonlyArray<Error | null>, Failure> =>
  Effect.tryPromise({
    try: async () => {
      const pipeline = client.pipeline()
      for (const [name, ...args] of calls) {
        pipeline.call(name, ...args)
      }
      return ((await pipeline.exec()) ?? []).map(([error]) => error)
    },
    catch: failureOf
  })

const isOfKeys = (error: Error): boolean => /\bkeys?\b/.test(error.message)

const isOfChannels = (error: Error): boolean => /\bchannels?\b/.test(error.message)

/** Whether the user may not, or the server cannot: a managed one may have renamed a command. */
const isRefused = (error: Error | null): error is Error =>
  error !== null && (replyCode(error.message) === "NOPERM" || /unknown command/i.test(error.message))

/** The names of the commands that are refused whatever the key is. */
const refusedIn = (calls: ReadonlyArray<Call>, errors: ReadonlyArray<Error | null>): ReadonlyArray<string> =>
  calls.flatMap(([name], i) => {
    const error = errors[i] ?? null
    return isRefused(error) && !isOfKeys(error) && !isOfChannels(error) ? [name] : []
  })

const upper = (names: ReadonlyArray<string>): string => names.map((name) => name.toUpperCase()).join(", ")

const granted = (words: string): string =>
  `give it to the user of SESSION_URL with ACL SETUSER: ${words}; docs/providers/redis.md has all that are needed`

const plus = (names: ReadonlyArray<string>): string => granted(names.map((name) => `+${name}`).join(" "))

export const rights = (node: Wanted & { readonly client: Redis }): Effect.Effect<ReadonlyArray<Finding>, Failure> => {
  const { client, prefix } = node
  const id = randomBytes(24).toString("base64url")
  const own = `${prefix}${id}`
  const { listing, sessions } = commands(own, node)
  const places = [prefix, `mark:${prefix}`, `principals:${prefix}`]
  const all: ReadonlyArray<Call> = [
    ...sessions,
    ...listing,
    ...places.map((place): Call => ["exists", `${place}${id}`]),
    ["publish", own, ""]
  ]
  return Effect.flatMap(errorsOf(client, all), (errors) => {
    if (errors.some((error) => error !== null && replyCode(error.message) === "NOAUTH")) {
      return Effect.fail(new Failed("NOAUTH"))
    }
    const missing = refusedIn(sessions, errors)
    const noListing = refusedIn(listing, errors.slice(sessions.length))
    const rest = errors.slice(sessions.length + listing.length)
    const keys = places.filter((_, i) => {
      const error = rest[i] ?? null
      return isRefused(error) && isOfKeys(error)
    })
    const news = rest[places.length] ?? null
    return Effect.succeed(
      foundOr("the user may use all commands and keys that sessions need", [
        missing.length > 0 && wrong(`the user may not use ${upper(missing)}, which sessions need`, plus(missing)),
        keys.length > 0 &&
          wrong(
            `the user may not use the keys that begin with ${keys.join(", ")}`,
            granted(keys.map((key) => `~${key}*`).join(" "))
          ),
        noListing.length > 0 &&
          warning("the user may not use SCAN: sessions can be neither counted nor listed", plus(noListing)),
        isRefused(news) &&
          ok(
            "the user may not publish: open connections are told a minute late that their session has ended",
            granted(`+publish +subscribe +unsubscribe &${prefix}*`)
          )
      ])
    )
  })
}
