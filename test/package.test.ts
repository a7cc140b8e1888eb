/**
 * The package as it is published: packed, checked, installed into an empty project, and used there.
 */
import { execFile } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))
const project = mkdtempSync(join(tmpdir(), "effect-session-package-"))
afterAll(() => rmSync(project, { recursive: true, force: true }))

const exec = promisify(execFile)

/** Runs a program; where it fails, the error says what it printed. */
const run = async (cwd: string, program: string, ...args: ReadonlyArray<string>) => {
  try {
    return (await exec(program, args, { cwd })).stdout
  } catch (error) {
    const { stderr = "", stdout = "" } = error as { readonly stderr?: string; readonly stdout?: string }
    throw new Error(`${program} ${args.join(" ")}\n${stdout}${stderr}`)
  }
}

/** npm's `bun` puts its program in place by an install script, which is not run here: it is taken from where npm unpacked it. */
const bun = () => {
  const packages = join(root, "node_modules", "@oven")
  const found = readdirSync(packages).map((name) => join(packages, name, "bin", "bun"))
  return found.find((path) => existsSync(path)) ?? bin("bun")
}

const bin = (name: string) => join(root, "node_modules", ".bin", name)

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

let tarball = ""

beforeAll(async () => {
  const [packed] = JSON.parse(await run(root, "npm", "pack", "--json", "--silent", "--pack-destination", project))
  tarball = join(project, packed.filename)
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }))
  const { effect, "@effect/platform": platform } = manifest.devDependencies
  await run(
    project,
    "npm",
    "install",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    tarball,
    `effect@${effect}`,
    `@effect/platform@${platform}`
  )
}, 300_000)

describe("the packed tarball", () => {
  it("is clean to publint", async () => {
    expect(await run(root, bin("publint"), tarball, "--strict")).toContain("All good")
  }, 60_000)

  it("is clean to arethetypeswrong", async () => {
    // ESM alone, as the README says: what CommonJS sees is left out, and that TypeScript's old resolution, which it
    // leaves out too, does not know the `imports` of a package.
    const rules = ["--ignore-rules", "internal-resolution-error"]
    await run(root, bin("attw"), tarball, "--profile", "esm-only", "--no-emoji", ...rules)
  }, 120_000)

  it("exports each module of src that is not in a folder, and nothing else", () => {
    const modules = readdirSync(join(root, "src"))
      .filter((name) => name.endsWith(".ts") && name !== "SessionError.ts")
      .map((name) => (name === "index.ts" ? "." : `./${name.slice(0, -3)}`))
    expect(Object.keys(manifest.exports).sort()).toEqual([...modules, "./package.json"].sort())
  })
})

describe("in an empty project with effect and @effect/platform alone", () => {
  it("needs nothing else", () => {
    for (const peer of Object.keys(manifest.peerDependenciesMeta)) {
      expect(existsSync(join(project, "node_modules", peer)), peer).toBe(false)
    }
  })

  it("memory sessions work, and asking for a driver that is not there says what to install", async () => {
    writeFileSync(
      join(project, "app.mjs"),
      `import { HttpApp, HttpServerResponse } from "@effect/platform"
import { Effect, Layer, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
import "effect-session/memory"
import "effect-session/file"
import "effect-session/cookie"
import "effect-session/testing"
class Visits extends SessionStore.Tag()("Visits", { n: SessionStore.field(Schema.Int, { default: () => 0 }) }) {}
const count = Effect.flatMap(Visits, (session) => session.update("n", (n) => n + 1))
const app = SessionHttp.middleware(Visits)(Effect.map(count, (n) => HttpServerResponse.text(String(n))))
const { dispose, handler } = HttpApp.toWebHandlerLayer(app, SessionLayer.memory())
const first = await handler(new Request("http://localhost/"))
const cookie = first.headers.getSetCookie()[0].split(";")[0]
const second = await handler(new Request("http://localhost/", { headers: { cookie } }))
console.log(await first.text(), await second.text())
await dispose()
const keys = [Redacted.make(randomBytes(32).toString("hex"))]
for (const layer of [
  SessionLayer.redis({ url: "redis://127.0.0.1:1" }),
  SessionLayer.cookie({ keys, cipher: "xchacha20-poly1305" })
]) {
  const error = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer))))
  console.log(error.reason, error.message)
}
`
    )
    const [counted, ...missing] = (await run(project, "node", "app.mjs")).split("\n")
    expect(counted).toBe("1 2")
    expect(missing[0]).toMatch(/^InvalidConfig .*redis.*install it.*ioredis/)
    expect(missing[1]).toMatch(/^InvalidConfig .*cipher.*install it.*sodium-native/)
  }, 60_000)

  describe("bundled into one file, or with its chunks", () => {
    const entry = "bundled.mjs"
    const out = (name: string) => join(project, "out", name)
    const bundlers: Record<string, () => Promise<string>> = {
      esbuild: async () => {
        const outfile = out("esbuild.mjs")
        await run(project, bin("esbuild"), entry, "--bundle", "--platform=node", "--format=esm", `--outfile=${outfile}`)
        return outfile
      },
      "esbuild, with the drivers external": async () => {
        const outfile = out("external.mjs")
        const external = Object.keys(manifest.peerDependenciesMeta).map((peer) => `--external:${peer}`)
        const options = ["--bundle", "--platform=node", "--format=esm", `--outfile=${outfile}`, ...external]
        await run(project, bin("esbuild"), entry, ...options)
        return outfile
      },
      "esbuild, as CommonJS": async () => {
        const outfile = out("esbuild.cjs")
        await run(project, bin("esbuild"), entry, "--bundle", "--platform=node", "--format=cjs", `--outfile=${outfile}`)
        return outfile
      },
      "Vite, for a server": async () => {
        const config = { ssr: { noExternal: true }, build: { ssr: entry, outDir: out("ssr"), target: "esnext" } }
        writeFileSync(join(project, "ssr.config.mjs"), `export default ${JSON.stringify(config)}`)
        await run(project, bin("vite"), "build", "-c", "ssr.config.mjs")
        return out("ssr/bundled.js")
      },
      "Vite, as a library": async () => {
        const lib = { entry, formats: ["es"], fileName: "lib" }
        const config = `{ build: { lib: ${JSON.stringify(lib)}, outDir: ${JSON.stringify(out("lib"))}, target: "esnext", rollupOptions: { external: [/^node:/] } } }`
        writeFileSync(join(project, "lib.config.mjs"), `export default ${config}`)
        await run(project, bin("vite"), "build", "-c", "lib.config.mjs")
        return out("lib/lib.js")
      },
      bun: async () => {
        const outfile = out("bun.mjs")
        await run(project, bun(), "build", entry, "--target=node", `--outfile=${outfile}`)
        return outfile
      }
    }

    for (const [name, bundle] of Object.entries(bundlers)) {
      it(`${name}: starts, and asking for a driver that is not there says what to install`, async () => {
        writeFileSync(
          join(project, entry),
          `import { SessionLayer } from "effect-session"
import { Effect, Layer } from "effect"
const build = (layer) => Effect.runPromise(Effect.scoped(Layer.build(layer)).pipe(
  Effect.as("started"), Effect.catchAll((error) => Effect.succeed(error.message))))
const url = "redis://127.0.0.1:1"
build(SessionLayer.memory())
  .then((text) => console.log(text))
  .then(() => Promise.all([
    SessionLayer.redis({ url }), SessionLayer.ledis({ url }), SessionLayer.ssdb({ url }),
    SessionLayer.postgres({ url: "postgres://127.0.0.1:1/x" }), SessionLayer.mysql({ url: "mysql://127.0.0.1:1/x" }),
    SessionLayer.sqlite({ filename: ":memory:" }), SessionLayer.couchbase({ url: "couchbase://127.0.0.1/x" })
  ].map(build)))
  .then((texts) => console.log(texts.join("\\n")))
`
        )
        const file = await bundle()
        const [started, ...missing] = (await run(tmpdir(), process.execPath, file)).trim().split("\n")
        expect(started).toBe("started")
        expect(missing).toEqual(
          [
            "redis: ioredis",
            "ledis: ioredis",
            "ssdb: ioredis",
            "postgres: @effect/sql-pg",
            "mysql: @effect/sql-mysql2",
            "sqlite: better-sqlite3",
            "couchbase: couchbase"
          ].map((driver) => expect.stringMatching(new RegExp(`^${driver} could not be loaded; install it`)))
        )
      }, 120_000)
    }
  })

  it("a bundle finds the driver that is installed where it runs", async () => {
    const app = join(project, "deployed")
    mkdirSync(join(app, "node_modules"), { recursive: true })
    symlinkSync(join(root, "node_modules", "ioredis"), join(app, "node_modules", "ioredis"))
    writeFileSync(
      join(project, "redis.mjs"),
      `import { SessionLayer } from "effect-session"
import { Effect, Layer } from "effect"
const layer = SessionLayer.redis({ url: "redis://127.0.0.1:1" })
Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer)))).then((error) => console.log(error.reason))
`
    )
    const outfile = join(app, "app.mjs")
    const options = ["--bundle", "--platform=node", "--format=esm", "--minify", `--outfile=${outfile}`]
    await run(project, bin("esbuild"), "redis.mjs", ...options)
    expect((await run(tmpdir(), process.execPath, outfile)).trim()).toBe("Unavailable")
  }, 60_000)

  it("its root types are found with moduleResolution node10", async () => {
    writeFileSync(
      join(project, "old.ts"),
      `import { SessionLayer } from "effect-session"
export const SessionLive = SessionLayer.memory({ idleTimeout: "15 minutes" })
`
    )
    await run(
      project,
      bin("tsc"),
      ...["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "node10"],
      ...["--target", "es2022", "--typeRoots", join(root, "node_modules/@types"), "--types", "node", "old.ts"]
    )
  }, 120_000)

  it("its types are whole, with every library checked", async () => {
    writeFileSync(
      join(project, "app.ts"),
      `import { Schema } from "effect"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import { Conformance } from "effect-session/testing"
class Visits extends SessionStore.Tag<Visits>()("Visits", { n: Schema.Int }) {}
export const parts = [SessionHttp.middleware(Visits), SessionLayer.memory(), File.layer, Memory.layer, Conformance.suite]
`
    )
    await run(
      project,
      bin("tsc"),
      ...["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--module", "nodenext", "--target", "es2022"],
      ...["--typeRoots", join(root, "node_modules/@types"), "--types", "node", "app.ts"]
    )
  }, 120_000)
})
