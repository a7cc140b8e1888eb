/**
 * Opens the directory of the sessions, as a user names it.
 */
import { randomUUID } from "node:crypto"
import { promises as fs } from "node:fs"
import { join, resolve } from "node:path"
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import { SessionError } from "../../SessionError.js"

/**
 * Opens a directory and returns its real path. The directory is created, for this user only, if it does not exist.
 * Fails with `InvalidConfig` if it cannot be used.
 *
 * @param option The user's name for the directory's option, for messages.
 */
export const openDirectory = (directory: string, option: string): Effect.Effect<string, SessionError> => {
  const invalid = (problem: string) => new SessionError({ reason: "InvalidConfig", message: `${option}: ${problem}` })
  if (directory === "" || /^(file:|[a-z][a-z0-9+.-]+:\/\/)/i.test(directory)) {
    return Effect.fail(invalid("expected the path of a directory, not a URL or nothing"))
  }
  const path = resolve(directory)
  return Effect.tryPromise({
    try: async () => {
      await fs.mkdir(path, { recursive: true, mode: 0o700 })
      const probe = join(path, randomUUID())
      await fs.mkdir(probe)
      await fs.rmdir(probe)
      return { real: await fs.realpath(path), mode: (await fs.stat(path)).mode }
    },
    catch: (cause) => invalid(`${path}: making a folder in it failed (${codeOf(cause) ?? "unknown error"})`)
  }).pipe(
    Effect.filterOrFail(
      ({ mode }) => (mode & 0o002) === 0,
      () => invalid(`every user can write in ${path}: chmod it to 700, or name a new directory inside it`)
    ),
    Effect.map(({ real }) => real)
  )
}
