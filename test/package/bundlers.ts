/**
 * Bundles of an app: each starts, and loads a driver only where it is asked for.
 */
import { beforeAll, describe, expect, it } from "vitest"
import { bin, bun, type Line, type Project } from "./project.js"

const entry = "bundled.mjs"

const program = `import { SessionLayer } from "effect-session"
import { Effect, Layer } from "effect"
const build = (layer) => Effect.runPromise(Effect.match(Effect.scoped(Layer.build(layer)), {
  onSuccess: () => "started", onFailure: (error) => error.message }))
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

export const bundlers = ({ at, run, write }: Project, { manifest, tools }: Line) => {
  const out = (name: string) => at("out", name)
  const esbuild = async (file: string, ...options: ReadonlyArray<string>) => {
    await run(bin("esbuild"), entry, "--bundle", "--platform=node", ...options, `--outfile=${out(file)}`)
    return out(file)
  }
  const bundlers: Record<string, () => Promise<string>> = {
    esbuild: () => esbuild("esbuild.mjs", "--format=esm"),
    "esbuild, with the drivers external": () => {
      const external = Object.keys(manifest.peerDependenciesMeta).map((peer) => `--external:${peer}`)
      return esbuild("external.mjs", "--format=esm", ...external)
    },
    "esbuild, as CommonJS": () => esbuild("esbuild.cjs", "--format=cjs"),
    "Vite, for a server": async () => {
      const config = { ssr: { noExternal: true }, build: { ssr: entry, outDir: out("ssr"), target: "esnext" } }
      write("ssr.config.mjs", `export default ${JSON.stringify(config)}`)
      await run(tools.vite, "build", "-c", "ssr.config.mjs")
      return out("ssr/bundled.js")
    },
    "Vite, as a library": async () => {
      const lib = { entry, formats: ["es"], fileName: "lib" }
      const config = `{ build: { lib: ${JSON.stringify(lib)}, outDir: ${JSON.stringify(out("lib"))}, target: "esnext", rollupOptions: { external: [/^node:/] } } }`
      write("lib.config.mjs", `export default ${config}`)
      await run(tools.vite, "build", "-c", "lib.config.mjs")
      return out("lib/lib.js")
    },
    bun: async () => {
      await run(bun(), "build", entry, "--target=node", `--outfile=${out("bun.mjs")}`)
      return out("bun.mjs")
    }
  }
  describe("bundled into one file, or with its chunks", () => {
    beforeAll(() => write(entry, program))

    for (const [name, bundle] of Object.entries(bundlers)) {
      it.concurrent(`${name}: starts, and asking for a driver that is not there says what to install`, async () => {
        const [started, ...missing] = (await run("node", await bundle())).trim().split("\n")
        expect(started).toBe("started")
        expect(missing).toEqual(
          [
            "redis: ioredis",
            "ledis: ioredis",
            "ssdb: ioredis",
            "postgres: pg",
            "mysql: mysql2",
            "sqlite: better-sqlite3",
            "couchbase: couchbase"
          ].map((driver) => expect.stringMatching(new RegExp(`^${driver} could not be loaded .*: run npm install \\S`)))
        )
      })
    }
  })
}
