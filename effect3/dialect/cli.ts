/**
 * How the command of this package runs.
 */
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import { defaultTeardown } from "@effect/platform/Runtime"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

/** Runs a command with the arguments that follow its name. */
export const runWith =
  <Name extends string, R, E, A>(command: Command.Command<Name, R, E, A>, version: string) =>
  (
    args: ReadonlyArray<string>
  ): Effect.Effect<void, E | ValidationError.ValidationError, Exclude<R, NodeContext.NodeContext>> =>
    Effect.provide(
      Command.run(command, { name: "effect-session", version })(["node", "effect-session", ...args]),
      NodeContext.layer
    ) as Effect.Effect<void, E | ValidationError.ValidationError, Exclude<R, NodeContext.NodeContext>>

/** Whether the arguments were wrong, which was said already. */
export const isUsage = ValidationError.isValidationError

/** Warnings and errors go to the standard error: the standard output is for what was asked for. */
export const logs: Layer.Layer<never> = Layer.merge(
  Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.stringLogger)),
  Logger.minimumLogLevel(LogLevel.Warning)
)

/** What a shell says of a program that Ctrl-C has ended. */
const interrupted = 130

/** Runs the process, which ends with the exit code. By itself, Effect 3 ends with 0 if it is interrupted. */
export const main = (program: Effect.Effect<number>): void =>
  NodeRuntime.runMain(
    Effect.map(program, (code) => {
      process.exitCode = code
    }),
    {
      teardown: (exit, end) =>
        Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause) ? end(interrupted) : defaultTeardown(exit, end)
    }
  )
