// Runs the command as a shell would, in this process: with arguments and an environment.

import * as ConfigProvider from "#effect/ConfigProvider"
import * as Effect from "#effect/Effect"
import { withConsole } from "#test/console"
import { run as runCommand } from "../../src/cli/command.js"

export type Variables = Readonly<Record<string, string>>

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export const run = (variables: Variables, ...args: ReadonlyArray<string>): Effect.Effect<Ran> =>
  Effect.suspend(() => {
    const [out, err]: [Array<string>, Array<string>] = [[], []]
    const to = (lines: Array<string>) => (line: string) => void lines.push(`${line}\n`)
    return runCommand(args).pipe(
      withConsole({ log: to(out), error: to(err) }),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ ...variables }))),
      Effect.map((code) => ({ code, out: out.join(""), err: err.join("") }))
    )
  })
