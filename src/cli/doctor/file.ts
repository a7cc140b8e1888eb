/**
 * What `doctor` looks at in sessions in files: the directory, its disk, and what is left over in it.
 */
import { existsSync, realpathSync, statSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import * as Clock from "#effect/Clock"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as File from "../../Provider/File.js"
import { explained } from "../../Provider/file/explained.js"
import { list } from "../../Provider/file/sessionFolder.js"
import * as Environment from "../../Provider/internal/environment.js"
import { mistakeIn } from "../../Provider/internal/path.js"
import type { SessionError } from "../../SessionError.js"
import { room } from "./disk.js"
import { type Finding, type Look, lateness, many, ok, present, staying, warning, wrong } from "./finding.js"
import { mistaken, type Open, type Opened } from "./opened.js"

/** How many sessions are looked at. */
const most = 500

const shard = /^(people-)?[0-9a-f]{2}$/

/** The folders of some sessions, from the first of the 256 folders on that have any. */
const sampled = async (directory: string, names: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const name of names.filter((name) => shard.test(name) && !name.startsWith("people-"))) {
    found.push(...(await readdir(join(directory, name))).map((folder) => join(directory, name, folder)))
    if (found.length >= most) {
      break
    }
  }
  return found.slice(0, most)
}

const leftovers = (directory: string): Look =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.tryPromise({
      try: async (): Promise<ReadonlyArray<Finding>> => {
        const names = await readdir(directory)
        const strangers = names.filter((name) => !shard.test(name)).length
        const folders = await sampled(directory, names)
        let expired = 0
        for (const folder of folders) {
          const { heads } = await list(folder)
          expired += heads.some(({ expiresAt }) => expiresAt < now - lateness) ? 1 : 0
        }
        return present([
          strangers > 0 &&
            warning(
              `${strangers} files or folders in the directory are not sessions'`,
              "keep nothing else there: name a directory for sessions alone"
            ),
          expired >= many
            ? staying(`${expired} of a sample of ${folders.length} sessions`, lateness)
            : ok(
                folders.length === 0
                  ? "there are no sessions yet"
                  : `of a sample of ${folders.length} sessions ${expired} wait to be removed`
              )
        ])
      },
      catch: explained
    })
  )

/** The folder that is there, of those on the way to a path. */
const nearest = (path: string): string => (existsSync(path) ? path : nearest(dirname(path)))

/** There is no directory. Nothing is made, as it would be by a trial. */
const absent = (path: string, provider: Opened["provider"]): Opened => {
  const parent = nearest(path)
  return {
    checks: [
      {
        name: "the directory",
        look: Effect.sync(() => [
          statSync(parent).isDirectory()
            ? ok("there is no such directory yet: the app makes it when it starts")
            : wrong(`${parent} is no directory: the app cannot make one in it`, "remove it, or correct SESSION_URL")
        ])
      }
    ],
    untried: Effect.succeed("there is no directory yet"),
    provider
  }
}

const options = Config.all({
  directory: Environment.path("the directory"),
  strictModes: Config.withDefault(Config.Boolean(Environment.variables.strictModes), true)
})

export const openFile: Open = () =>
  Effect.flatMap(options, (options): Effect.Effect<Opened, SessionError> => {
    const mistake = mistakeIn(options.directory, "directory")
    if (mistake !== undefined) {
      return mistaken(mistake)
    }
    const path = resolve(options.directory)
    if (!existsSync(path)) {
      return Effect.succeed(absent(path, File.make(options)))
    }
    const real = realpathSync.native(path)
    return Effect.succeed({
      checks: [
        { name: "the room on the disk", look: room(real) },
        { name: "what is in the directory", look: leftovers(real) }
      ],
      provider: File.make(options)
    })
  })
