// The app before and after its sessions are copied, and the command that copies them.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { SessionLayer, type SessionManager } from "effect-session"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { options, visiting } from "../people/app.js"
import { folder } from "./backends.js"
import { run, type Variables } from "./run.js"

/** The app with these variables, for as long as the scope is open. */
export const app = (variables: Variables) =>
  Effect.flatMap(
    Layer.build(
      Layer.provide(
        SessionLayer.fromConfig({ session: options }),
        ConfigProvider.layer(ConfigProvider.fromEnvRecord({ ...variables, SESSION_PRINCIPALS_BEST_EFFORT: "true" }))
      )
    ),
    (context) =>
      Effect.map(Effect.provide(visiting, context), (visit) => ({
        visit,
        within: <A, E>(effect: Effect.Effect<A, E, SessionManager.SessionManager>) => Effect.provide(effect, context)
      }))
  )

/** A file of variables, as an operator writes it. */
export const file = (variables: Variables) =>
  Effect.map(folder, (folder) => {
    const path = join(folder, "session.env")
    const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'`)
    writeFileSync(path, `# Where sessions are\n${lines.join("\n")}\nPORT=3000\n`)
    return path
  })

export const inSqlite = Effect.map(folder, (folder) => ({
  SESSION_PROVIDER: "sqlite",
  SESSION_URL: join(folder, "sessions.sqlite")
}))

export const inFiles = Effect.map(folder, (SESSION_URL) => ({ SESSION_PROVIDER: "file", SESSION_URL }))

/** Runs `copy` between the backends of these variables. */
export const copy = (from: Variables, to: Variables, ...flags: ReadonlyArray<string>) =>
  Effect.flatMap(Effect.all([file(from), file(to)]), ([from, to]) =>
    // Patient, on a machine that does more than this.
    run({ SESSION_TIMEOUT: "1 minute" }, "copy", "--from", from, "--to", to, ...flags)
  )
