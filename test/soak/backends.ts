/**
 * The backends of the soak, and what befalls each of them.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import * as MariaDbServer from "../servers/MariaDb.js"
import * as MemcachedServer from "../servers/Memcached.js"
import * as PostgresServer from "../servers/Postgres.js"
import { type Control, runToEnd, until } from "../servers/Process.js"
import * as RedisServer from "../servers/Redis.js"

/** Something that befalls the app or its backend, and is over when the effect ends. */
export interface Trouble {
  readonly name: string
  readonly run: Effect.Effect<unknown>
  /** Whether all sessions are forgotten with it, as is the nature of the backend. */
  readonly forgets?: boolean
}

export interface Backend {
  readonly name: string
  readonly needs: ReadonlyArray<string>
  /** The variables with which the app finds the backend. */
  readonly start: Effect.Effect<
    {
      readonly variables: Readonly<Record<string, string>>
      readonly troubles: ReadonlyArray<Trouble>
      /** Of a backend that is a process of its own. */
      readonly server?: Control
    },
    never,
    Scope.Scope
  >
  /** Whether sessions outlive the app. */
  readonly outlivesApp: boolean
}

const lasting = (name: string, begin: Effect.Effect<unknown>, end: Effect.Effect<unknown>): Trouble => ({
  name,
  run: begin.pipe(Effect.andThen(Effect.sleep("3 seconds")), Effect.andThen(end))
})

/** What befalls every server. One that is killed keeps what it acknowledged, as these are configured. */
const ofServer = ({ kill, pause, resume, start, stop }: Control, forgets = false): ReadonlyArray<Trouble> => [
  lasting("the server is paused", pause, resume),
  { name: "the server is restarted", run: Effect.andThen(stop, start), forgets },
  { ...lasting("the server is killed", kill, start), forgets }
]

const tell = (program: string, ...args: ReadonlyArray<string>) => Effect.promise(() => runToEnd(program, args))

/** Makes a directory on a file system of its own, which takes the rights of root. */
const mount = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "effect-session-soak-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=0700", "soak", folder], { stdio: "ignore" })
  } catch (error) {
    rmSync(folder, { recursive: true })
    throw error
  }
  return folder
}

const unmount = (folder: string): void => {
  execFileSync("umount", ["--lazy", folder])
  rmSync(folder, { recursive: true })
}

/** What a machine lacks on which that cannot be done. */
const lacking = (): ReadonlyArray<string> => {
  try {
    unmount(mount())
    return []
  } catch {
    return ["the right to mount a disk"]
  }
}

const disk = Effect.acquireRelease(Effect.sync(mount), (folder) => Effect.sync(() => unmount(folder)))

const fullDisk = (folder: string): Trouble => {
  const ballast = join(folder, "ballast")
  const fill = () => {
    try {
      writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024))
    } catch {
      // Now it is full.
    }
  }
  return lasting(
    "the disk is full",
    Effect.sync(fill),
    Effect.sync(() => rmSync(ballast))
  )
}

const readOnlyDisk = (folder: string): Trouble => {
  const remount = (mode: string) => tell("mount", "-o", `remount,${mode}`, folder)
  return lasting(
    "the disk is read-only",
    // Refused while a file is open for writing, so it is tried until none is.
    Effect.promise(() => until(() => runToEnd("mount", ["-o", "remount,ro", folder]))),
    remount("rw")
  )
}

const lackingForDisks = lacking()

export const backends: ReadonlyArray<Backend> = [
  {
    name: "memory",
    needs: [],
    outlivesApp: false,
    start: Effect.succeed({ variables: {}, troubles: [] })
  },
  {
    name: "file",
    needs: lackingForDisks,
    outlivesApp: true,
    start: Effect.map(disk, (folder) => ({
      variables: { SESSION_URL: folder },
      troubles: [fullDisk(folder), readOnlyDisk(folder)]
    }))
  },
  {
    name: "sqlite",
    needs: lackingForDisks,
    outlivesApp: true,
    start: Effect.map(disk, (folder) => ({
      variables: { SESSION_URL: join(folder, "sessions.sqlite") },
      troubles: [fullDisk(folder)]
    }))
  },
  {
    name: "redis",
    needs: ["redis-server"],
    outlivesApp: true,
    start: Effect.map(RedisServer.single({ args: ["--appendonly", "yes", "--appendfsync", "always"] }), (server) => {
      const cli = (...args: ReadonlyArray<string>) => tell("redis-cli", "-p", `${server.port}`, ...args)
      return {
        server,
        variables: { SESSION_URL: server.url },
        troubles: [
          ...ofServer(server),
          lasting("the memory is full", cli("CONFIG", "SET", "maxmemory", "1"), cli("CONFIG", "SET", "maxmemory", "0")),
          lasting("the server is a replica", cli("REPLICAOF", server.host, "1"), cli("REPLICAOF", "NO", "ONE"))
        ]
      }
    })
  },
  {
    name: "postgres",
    needs: ["postgres"],
    outlivesApp: true,
    start: Effect.map(PostgresServer.make(), (server) => {
      const psql = (...statements: ReadonlyArray<string>) =>
        tell("psql", "--no-psqlrc", "-d", server.adminUrl, ...statements.flatMap((statement) => ["-c", statement]))
      const readOnly = (value: string) =>
        psql(`ALTER SYSTEM SET default_transaction_read_only = ${value}`, "SELECT pg_reload_conf()")
      return {
        server,
        variables: { SESSION_URL: server.url },
        troubles: [
          ...ofServer(server),
          lasting("the database is read-only", readOnly("on"), readOnly("off")),
          {
            name: "the table is locked",
            run: psql("BEGIN; LOCK TABLE effect_session IN EXCLUSIVE MODE; SELECT pg_sleep(3); COMMIT")
          }
        ]
      }
    })
  },
  {
    name: "mysql",
    needs: ["mariadbd"],
    outlivesApp: true,
    start: Effect.map(MariaDbServer.make(), (server) => {
      const cli = (statement: string) =>
        tell(
          "mariadb",
          ...["--no-defaults", `--socket=${server.socket}`, "--user=admin", "--password=secret"],
          ...["--execute", statement]
        )
      return {
        server,
        variables: { SESSION_URL: server.url },
        troubles: [
          ...ofServer(server),
          lasting("the database is read-only", cli("SET GLOBAL read_only = 1"), cli("SET GLOBAL read_only = 0")),
          { name: "a backup locks the tables", run: cli("FLUSH TABLES WITH READ LOCK; DO SLEEP(3)") }
        ]
      }
    })
  },
  {
    name: "memcached",
    needs: ["memcached"],
    outlivesApp: true,
    start: Effect.map(MemcachedServer.make(), (server) => ({
      server,
      variables: { SESSION_URL: server.url },
      troubles: ofServer(server, true)
    }))
  }
]
