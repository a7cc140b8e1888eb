/**
 * How the command of this package runs.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"

/** Runs a command with the arguments that follow its name. */
export const runWith =
  <Name extends string, Input, E, R, ContextInput>(
    command: Command.Command<Name, Input, ContextInput, E, R>,
    version: string
  ) =>
  (args: ReadonlyArray<string>) =>
    Effect.provide(Command.runWith(command, { version })(args), NodeServices.layer)

/** Whether the arguments were wrong, which was said already. */
export const isUsage = CliError.isCliError

/** Warnings and errors go to the standard error: the standard output is for what was asked for. */
export const logs: Layer.Layer<never> = Layer.merge(
  Logger.layer([Logger.withConsoleError(Logger.formatSimple)]),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)

/** Runs the process, which ends with the exit code. */
export const main = (program: Effect.Effect<number>): void =>
  NodeRuntime.runMain(
    Effect.map(program, (code) => {
      process.exitCode = code
    })
  )
