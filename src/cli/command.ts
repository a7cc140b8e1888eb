/**
 * The command `effect-session`: its subcommands, their arguments, and the exit code that each gives.
 */
import { createRequire } from "node:module"
import { isUsage, logs, runWith } from "#dialect/cli"
import { said } from "#dialect/config"
import * as Console from "#effect/Console"
import * as Argument from "#effect/cli/Argument"
import * as Command from "#effect/cli/Command"
import * as Flag from "#effect/cli/Flag"
import * as Effect from "#effect/Effect"
import * as SessionManager from "../Manager/SessionManager.js"
import { SessionError } from "../SessionError.js"
import { unmistakable } from "./arguments.js"
import { copy } from "./copy.js"
import { doctor } from "./doctor.js"
import { end, understood } from "./end.js"
import { exits, Refused, Unsound } from "./exits.js"
import { keys, uses } from "./keys.js"
import { count, list } from "./list.js"
import { sessions } from "./sessions.js"

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDefault(false), Flag.withDescription(description))

const json = flag("json", "an object of JSON on each line, in place of a table")

const principal = Flag.String("principal").pipe(
  Flag.withDescription("only the sessions of this person: the name that the app passes to signIn"),
  Flag.optional
)

const commands = [
  Command.make("count", { principal }, (flags) => Effect.provide(count(flags), sessions)).pipe(
    Command.withDescription("Count live sessions: all of them, or a person's")
  ),
  Command.make("list", { principal, json }, (flags) => Effect.provide(list(flags), sessions)).pipe(
    Command.withDescription("List live sessions, under the names that they have in events and logs")
  ),
  Command.make(
    "end",
    {
      principal,
      everything: flag("everything", "all sessions, of visitors too"),
      session: Argument.optional(Argument.String("session"))
    },
    (which) => Effect.andThen(understood(which), Effect.provide(end(which), sessions))
  ).pipe(Command.withDescription("End a session by the name that list shows, a person's sessions, or everything")),
  Command.make("gc", {}, () =>
    Effect.provide(
      Effect.flatMap(SessionManager.gc, (removed) =>
        Console.log(`Removed ${removed} expired session${removed === 1 ? "" : "s"}.`)
      ),
      sessions
    )
  ).pipe(Command.withDescription("Remove expired sessions now; 0 if the backend removes them by itself")),
  Command.make(
    "copy",
    {
      from: Flag.withDescription(Flag.String("from"), "a file with the variables of the backend that has the sessions"),
      to: Flag.withDescription(Flag.String("to"), "a file with the variables of the backend that gets them"),
      move: flag("move", "move them, while the app runs with SessionLayer.moving"),
      dryRun: flag("dry-run", "say what would be copied, and copy nothing")
    },
    (options) => copy(options)
  ).pipe(Command.withDescription("Copy live sessions, and people's lists of them, to another backend")),
  Command.make("doctor", { json }, (flags) => doctor(flags)).pipe(
    Command.withDescription("Find what is wrong with the backend and the configuration, and say what to do")
  ),
  Command.make(
    "keys",
    {
      rotate: flag("rotate", "put the new key before those that the environment has"),
      show: flag("show", "print the key on a terminal too"),
      use: Argument.Literals("use", uses)
    },
    (what) => keys(what)
  ).pipe(Command.withDescription("Make a key for sealed cookies, or for sessions at rest"))
] as const

const command = Command.make("effect-session").pipe(
  Command.withDescription(
    "Operates on the sessions of the backend that SESSION_PROVIDER, SESSION_URL and the app's other variables name"
  ),
  Command.withSubcommands(commands)
)

const { version } = createRequire(import.meta.url)("effect-session/package.json") as { readonly version: string }

const failed = (message: string, code: number) => Effect.as(Console.error(`effect-session: ${message}`), code)

/** Runs the command with the arguments that follow its name. The result is the exit code. */
export const run = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  runWith(
    command,
    version
  )(unmistakable(args)).pipe(
    Effect.as<number>(exits.done),
    Effect.catch((error) =>
      error instanceof Unsound
        ? Effect.succeed(exits.failed)
        : error instanceof SessionError
          ? failed(error.message, error.reason === "InvalidConfig" ? exits.usage : exits.failed)
          : error instanceof Refused
            ? failed(error.message, exits.usage)
            : isUsage(error)
              ? Effect.succeed(exits.usage)
              : failed(said(error), exits.usage)
    ),
    Effect.provide(logs)
  )
