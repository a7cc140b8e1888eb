/**
 * What `doctor` looks at in SQLite, besides the tables: the file.
 */
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import * as Environment from "../../Provider/internal/environment.js"
import { mistakeIn } from "../../Provider/internal/path.js"
import type { Access } from "../../Provider/sql/access.js"
import { failed } from "../../Provider/sql/failures.js"
import { open } from "../../Provider/sql/sqliteDatabase.js"
import type { SessionError } from "../../SessionError.js"
import { privacy, room } from "./disk.js"
import { type Check, known, ok, warning, wrong } from "./finding.js"
import { mistaken, type Open, type Opened } from "./opened.js"
import { opened, table } from "./sql.js"
import { ask } from "./sqlTables.js"

const memory = ":memory:"

const checksOf = (access: Access, filename: string): ReadonlyArray<Check> =>
  filename === memory
    ? [
        known(
          warning(
            "the database is in memory: sessions end with the app's process, which no other can see",
            "name a file in SESSION_URL"
          )
        )
      ]
    : [
        {
          name: "the journal",
          look: Effect.map(ask(access, "PRAGMA journal_mode"), ([row]) =>
            row?.["journal_mode"] === "wal"
              ? [ok("the file has a write-ahead log: readers do not wait for writers")]
              : [
                  warning(
                    "the file takes no write-ahead log, as on a network drive: readers and writers wait for each other",
                    "keep the file on a local disk"
                  )
                ]
          )
        },
        { name: "who may open the file", look: privacy(filename) },
        { name: "the room on the disk", look: room(filename) }
      ]

/** There is no file. Nothing is made, as it would be by opening it. */
const absent = (filename: string): Opened => ({
  checks: [
    known(
      existsSync(dirname(filename))
        ? ok("there is no such file yet: the app makes it when it starts")
        : wrong(
            "the directory of the file is not there: the app cannot make the file",
            "make the directory, or correct SESSION_URL"
          )
    )
  ],
  untried: Effect.succeed("there is no file yet"),
  provider: Effect.die("nothing to try")
})

const existing = (filename: string): Effect.Effect<Access, SessionError, Scope.Scope> =>
  Effect.catchTag(open(filename, ""), "SqlError", ({ cause }) => Effect.fail(failed("sqlite", "connect", cause)))

export const openSqlite: Open = (config) =>
  Effect.flatMap(
    Config.all({ filename: Environment.path("the name of the file"), table }),
    ({ filename, table }): Effect.Effect<Opened, SessionError, Scope.Scope> => {
      const mistake = mistakeIn(filename, "file")
      return mistake !== undefined
        ? mistaken(mistake)
        : filename !== memory && !existsSync(filename)
          ? Effect.succeed(absent(filename))
          : Effect.map(existing(filename), (access) =>
              opened(access, table, config, (access) => checksOf(access, filename))
            )
    }
  )
