// Bundles a TypeScript file as JavaScript, which Node starts in a tenth of the time that a TypeScript loader takes.
import { rmSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { cache } from "../../scripts/programs.mjs"

const made = new Map<string, Promise<string>>()

/**
 * Builds the bundle once per process, and returns its path: in node_modules, so that it finds the packages that it
 * imports.
 */
export const bundle = (file: URL): Promise<string> => {
  const known = made.get(file.href)
  if (known !== undefined) return known
  const name = basename(file.pathname, ".ts")
  const outdir = join(cache, "bundles", `${name}-${process.pid}`)
  const building = build({
    entryPoints: [fileURLToPath(file)],
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    external: [
      "better-sqlite3",
      "couchbase",
      "ioredis",
      "memcache-client",
      "mysql2",
      "pg",
      "@effect/sql-*",
      "@effect/platform-node"
    ],
    logLevel: "silent"
  }).then(() => join(outdir, `${name}.mjs`))
  made.set(file.href, building)
  process.once("exit", () => rmSync(outdir, { recursive: true, force: true }))
  return building
}
