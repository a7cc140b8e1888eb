// SQLite: conformance, on a file of its own.
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Sqlite from "effect-session/sqlite"
import { conformance } from "./sqlSuite.js"

conformance(Sqlite.layer({ filename: join(mkdtempSync(join(tmpdir(), "effect-session-sqlite-")), "sessions.sqlite") }))
