/**
 * Projects of the two packages' users: both tarballs, and what is installed beside each.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll } from "vitest"
import { manifests, pack, tarballOf } from "../../scripts/pack.mjs"
import { effect4, nodeOfEffect4, root, tsc } from "../../scripts/programs.mjs"

export const folder = mkdtempSync(join(tmpdir(), "effect-session-package-"))
afterAll(() => rm(folder, { recursive: true, force: true }))

const modules = join(root, "node_modules")

export const bin = (name: string) => join(modules, ".bin", name)

/** A package, and how an app of its Effect uses it. */
export interface Line {
  readonly effect: 3 | 4
  readonly manifest: any
  readonly tarball: string
  /** The version of Effect that is installed today. */
  readonly version: string
  /** What a user installs with it. */
  readonly beside: ReadonlyArray<string>
  /** Where a program imports HTTP from. */
  readonly http: string
  /** The folders of the programs that are found first. */
  readonly path: ReadonlyArray<string>
  /** Each major with its own: between them, what apps use. Vite 7 with Rollup and 8 with Rolldown, TypeScript 5.9 and 7. */
  readonly tools: { readonly tsc: string; readonly vite: string }
}

/** Where both packages are: a release says where, and publishes them. */
export const packed = process.env["PACK_INTO"] ?? folder
await pack(packed)

const [three, four] = manifests.map((manifest) => ({ manifest, tarball: tarballOf(packed, manifest) }))

export const lines: ReadonlyArray<Line> = [
  {
    ...three!,
    effect: 3,
    version: three!.manifest.devDependencies.effect,
    beside: ["effect@3", "@effect/platform@0.97"],
    http: `import { HttpApp as HttpEffect, HttpServerResponse } from "@effect/platform"`,
    path: [],
    tools: { tsc: bin("tsc"), vite: bin("vite") }
  },
  {
    ...four!,
    effect: 4,
    version: four!.manifest.devDependencies.effect,
    beside: ["effect@4"],
    http: `import { HttpEffect, HttpServerResponse } from "effect/http"`,
    path: [dirname(nodeOfEffect4)],
    tools: { tsc, vite: join(effect4, "node_modules", ".bin", "vite") }
  }
]

/** npm's `bun` puts its program in place by an install script, which is not run here: it is taken from where npm unpacked it. */
export const bun = () => {
  const packages = join(modules, "@oven")
  return (
    readdirSync(packages)
      .map((name) => join(packages, name, "bin", "bun"))
      .find((path) => existsSync(path)) ?? bin("bun")
  )
}

const exec = promisify(execFile)

export interface Project {
  readonly env: NodeJS.ProcessEnv
  readonly at: (...path: ReadonlyArray<string>) => string
  readonly write: (name: string, text: string) => void
  /** Runs a program and returns all that it printed; where it fails, the error says what it printed. */
  readonly run: (program: string, ...args: ReadonlyArray<string>) => Promise<string>
}

/** An empty project. */
export const project = (name: string, { path }: Pick<Line, "path">): Project => {
  const cwd = join(folder, name)
  const at = (...path: ReadonlyArray<string>) => join(cwd, ...path)
  const write = (name: string, text: string) => writeFileSync(at(name), text)
  mkdirSync(cwd, { recursive: true })
  write("package.json", JSON.stringify({ name: "app", version: "1.0.0", private: true, type: "module" }))
  // What npm and vitest set for this process is not for the project's.
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_ENV|NODE_OPTIONS|VITEST|INIT_CWD)/.test(name)
  )
  const env = { ...Object.fromEntries(own), NO_COLOR: "1", PATH: [...path, process.env["PATH"]].join(delimiter) }
  const run = async (program: string, ...args: ReadonlyArray<string>) => {
    try {
      const { stderr, stdout } = await exec(program, args, { cwd, env })
      return stdout + stderr
    } catch (error) {
      const { stderr = "", stdout = "" } = error as { readonly stderr?: string; readonly stdout?: string }
      throw new Error(`${program} ${args.join(" ")}\n${stdout}${stderr}`)
    }
  }
  return { at, env, run, write }
}
