/**
 * The two places of a copy: each is the backend that a file of variables names.
 */
import { readFileSync } from "node:fs"
import { parseEnv } from "node:util"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { codeOf } from "../internal/codeOf.js"
import { provider } from "../layers/variables.js"
import { variables } from "../Provider/internal/environment.js"
import { hint } from "../Provider/internal/options.js"
import { SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { type Refused, refused } from "./exits.js"
import { backend, type Failure } from "./sessions.js"

const known: ReadonlyArray<string> = [provider, ...Object.values(variables)]

/** The variables of a file in the format of `node --env-file`. They name a backend, and nothing else. */
const read = (flag: string, path: string): Effect.Effect<Record<string, string>, Refused> =>
  Effect.suspend(() => {
    let text: string
    try {
      // Windows may begin it with a byte order mark, which would be a part of the first name.
      text = readFileSync(path, "utf8").replace(/^\uFEFF/, "")
    } catch (error) {
      return refused(`copy: ${flag}: the file cannot be read (${codeOf(error) ?? "no reason given"})`)
    }
    const entries = Object.entries(parseEnv(text)) as Array<[string, string]>
    const wrong = entries.find(([name]) => name.startsWith("SESSION_") && !known.includes(name))?.[0]
    return wrong === undefined
      ? Effect.succeed(Object.fromEntries(entries))
      : refused(
          `copy: ${flag}: ${wrong}: expected the variables of a backend alone: ${hint(wrong, known)}; options of sessions are the same at both places, and stand in the environment`
        )
  })

/** The backend that these variables name. What is wrong with them is said of the file. */
const named = (flag: string, found: Record<string, string>) =>
  Effect.mapError(
    Effect.provide(backend, ConfigProvider.layer(ConfigProvider.fromEnvRecord(found))),
    (error): Failure =>
      error instanceof SessionError
        ? new SessionError({ reason: error.reason, message: `copy: ${flag}: ${error.message}` })
        : error
  )

/** The provider that the file names. */
export const providerIn = (flag: string, path: string): Layer.Layer<SessionProvider, Failure | Refused> =>
  Layer.unwrap(
    Effect.flatMap(read(flag, path), (found) =>
      Effect.map(named(flag, found), (layer) =>
        Layer.provide(
          Layer.effect(
            SessionProvider,
            Effect.flatMap(Effect.serviceOption(SessionProvider), (held) =>
              held._tag === "Some"
                ? Effect.succeed(held.value)
                : new SessionError({
                    reason: "Unsupported",
                    message: `copy: ${flag}: clients hold the sessions, and bring them with their requests: there is nothing to copy`
                  })
            )
          ),
          Layer.provide(
            layer as Layer.Layer<SessionProvider, Failure>,
            ConfigProvider.layer(ConfigProvider.fromEnvRecord(found))
          )
        )
      )
    )
  )
