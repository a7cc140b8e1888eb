// Bundles a TypeScript file as JavaScript, which Node starts in a tenth of the time that a TypeScript loader takes. Drivers are left out:
// they are loaded where they are needed.
import { rmSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import * as own from "#test/bundling"

const made = new Map<string, Promise<string>>()

/**
 * Builds the bundle once per process, for this version of Effect or another, and returns its path: in the version's
 * node_modules, so that it finds the packages that it imports.
 */
export const bundle = (file: URL, { alias, folder }: typeof own = own): Promise<string> => {
  const name = basename(file.pathname, ".ts")
  const outdir = join(folder, "node_modules", ".cache", "effect-session", "bundles", `${name}-${process.pid}`)
  const known = made.get(outdir)
  if (known !== undefined) return known
  const building = build({
    entryPoints: [fileURLToPath(file)],
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    alias,
    external: ["better-sqlite3", "couchbase", "ioredis", "mysql2", "pg", "@effect/sql-*"],
    // For what is bundled and CommonJS.
    banner: {
      js: `import { createRequire as forCommonJs } from "node:module"; const require = forCommonJs(import.meta.url);`
    },
    logLevel: "silent"
  }).then(() => join(outdir, `${name}.mjs`))
  made.set(outdir, building)
  process.once("exit", () => rmSync(outdir, { recursive: true, force: true }))
  return building
}
