/**
 * The two packages as they are published: packed, checked, installed with each package manager, and used.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { root } from "../scripts/programs.mjs"
import { bundlers } from "./package/bundlers.js"
import { command } from "./package/command.js"
import { installs, npm, npmRefusesTheOther } from "./package/installs.js"
import { moving } from "./package/moving.js"
import { programs } from "./package/programs.js"
import { bin, lines, packed, project } from "./package/project.js"
import { readme } from "./package/readme.js"

const [three, four] = lines.map(({ manifest }) => manifest)

describe("the two manifests", () => {
  it("say the same, but for what differs between the majors", () => {
    const shared = ({
      version: _1,
      engines: _2,
      imports: _3,
      files: _4,
      publishConfig: _5,
      peerDependencies: _6,
      peerDependenciesMeta: _7,
      devDependencies: _8,
      scripts: _9,
      repository: _10,
      ...rest
    }: any) => rest
    expect(shared(four)).toEqual(shared(three))
    expect([three.version, three.publishConfig.tag]).toEqual([expect.stringMatching(/^3\./), "effect3"])
    expect([four.version, four.publishConfig.tag]).toEqual([expect.stringMatching(/^4\./), "latest"])
  })

  it("ask for the same drivers, and for nothing else that is not Effect", () => {
    const drivers = ({ peerDependencies }: any) =>
      Object.keys(peerDependencies).filter((name) => !/^@?effect/.test(name))
    const needed = ({ peerDependencies, peerDependenciesMeta }: any) =>
      Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true)
    expect(drivers(four)).toEqual(drivers(three))
    expect(needed(three)).toEqual(["@effect/platform", "effect"])
    expect(needed(four)).toEqual(["effect"])
  })

  it("export each module of src that is not in a folder, and nothing else", () => {
    const modules = readdirSync(join(root, "src"))
      .filter((name) => name.endsWith(".ts") && name !== "SessionError.ts")
      .map((name) => (name === "index.ts" ? "." : `./${name.slice(0, -3)}`))
    expect(Object.keys(three.exports).sort()).toEqual([...modules, "./package.json"].sort())
  })
})

describe("a release", { timeout: 180_000 }, () => {
  it("publishes each under its dist-tag, and tags the commit", async () => {
    const options = ["--dry-run", `--packed=${packed}`]
    const text = await project("release", { path: [] }).run("node", join(root, "scripts", "release.mjs"), ...options)
    const chapter = `## ${four.version} and ${three.version}`
    const isTold = readFileSync(join(root, "CHANGELOG.md"), "utf8").includes(`\n${chapter}\n`)
    expect(text.includes(`before a release: CHANGELOG.md has no chapter "${chapter}"`)).toBe(!isTold)
    for (const { manifest } of lines) {
      expect(text).toMatch(RegExp(`Publishing to .* with tag ${manifest.publishConfig.tag} .*\\(dry-run\\)`))
      expect(text).toContain(`would tag`)
      expect(text).toContain(` as v${manifest.version}`)
    }
    for (const { manifest } of lines) {
      const path = join(packed, `effect-session-${manifest.version}.cdx.json`)
      expect(text).toContain(path)
      const { bomFormat, components, metadata } = JSON.parse(readFileSync(path, "utf8"))
      expect([bomFormat, metadata.component.purl]).toEqual(["CycloneDX", `pkg:npm/effect-session@${manifest.version}`])
      const found = (scope: string) =>
        components.filter((part: any) => part.scope === scope).map((part: any) => part["bom-ref"])
      const { effect, ioredis, vitest } = manifest.devDependencies
      expect(found("required")).toContain(`effect@${effect}`)
      expect(found("optional")).toContain(`ioredis@${ioredis}`)
      expect([...found("required"), ...found("optional")]).not.toContain(`vitest@${vitest}`)
    }
  })

  it("is published from CI alone, where npm signs where it comes from, and which the packages name", () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: _, ...outside } = process.env
    // Should it go on, it reaches no registry.
    const env = { ...outside, npm_config_registry: "http://127.0.0.1:1" }
    const release = () =>
      execFileSync("node", [join(root, "scripts", "release.mjs"), `--packed=${packed}`], { env, stdio: "pipe" })
    expect(release).toThrow(/publish from CI/)
    const program = `import { manifests } from ${JSON.stringify(join(root, "scripts", "pack.mjs"))}
console.log(JSON.stringify(manifests.map(({ publishConfig, repository }) => [publishConfig.provenance, repository])))`
    const ci = { ...process.env, GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "owner/name" }
    const named = execFileSync("node", ["--input-type=module", "-e", program], { env: ci, encoding: "utf8" })
    const at = { type: "git", url: "git+https://github.com/owner/name.git" }
    expect(JSON.parse(named)).toEqual([
      [true, at],
      [true, { ...at, directory: "effect4" }]
    ])
  })
})

describe("an app that moves", { timeout: 180_000 }, () => moving())

installs()

for (const line of lines) {
  const { beside, effect, http, manifest, tarball, tools } = line
  const app = project(`app-${effect}`, line)
  const installed = (...path: ReadonlyArray<string>) => app.at("node_modules", "effect-session", ...path)

  describe(`the package for Effect ${effect}, in a project with ${beside.join(" and ")} alone`, {
    timeout: 180_000
  }, () => {
    beforeAll(async () => {
      await app.run(...npm, `effect-session@file:${tarball}`, ...beside)
    }, 300_000)

    it.concurrent("is clean to publint", async () => {
      expect(await app.run(bin("publint"), tarball, "--strict")).toContain("All good")
    })

    it.concurrent("is clean to arethetypeswrong", async () => {
      // ESM alone, as the README says: what CommonJS sees is left out, and that TypeScript's old resolution, which it
      // leaves out too, does not know the `imports` of a package.
      const rules = ["--ignore-rules", "internal-resolution-error"]
      await app.run(bin("attw"), tarball, "--profile", "esm-only", "--no-emoji", ...rules)
    })

    it.concurrent("has the sources that its maps lead to", () => {
      const files = readdirSync(installed("dist"), { recursive: true, encoding: "utf8" })
      const maps = files.filter((name) => name.endsWith(".map")).map((name) => installed("dist", name))
      const sources = new Set(
        maps.flatMap((path) =>
          JSON.parse(readFileSync(path, "utf8")).sources.map((source: string) =>
            relative(installed(), join(dirname(path), source))
          )
        )
      )
      const packed = new Set(readdirSync(installed(), { recursive: true, encoding: "utf8" }))
      expect(maps.length).toBeGreaterThan(200)
      expect([...sources].filter((source) => !packed.has(source))).toEqual([])
    })

    it.concurrent("needs nothing else", () => {
      const there = Object.keys(manifest.peerDependenciesMeta).filter((peer) =>
        readdirSync(app.at("node_modules")).includes(peer)
      )
      expect(there).toEqual([])
    })

    it.concurrent("asking for a driver that is not there says what to install", async () => {
      app.write(
        "drivers.mjs",
        `import { Effect, Layer, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { SessionLayer } from "effect-session"
import "effect-session/testing"
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
      const [redis, cipher] = (await app.run("node", "drivers.mjs")).split("\n")
      expect(redis).toMatch(/^InvalidConfig .*redis.*ioredis.*: run npm install ioredis$/)
      expect(cipher).toMatch(/^InvalidConfig .*cipher.*sodium-native.*: run npm install sodium-native$/)
    })

    command(app, line)
    npmRefusesTheOther(app, line)
    readme(line)
    programs(app, http)
    bundlers(app, line)

    it.concurrent("a bundle finds the driver that is installed where it runs", async () => {
      mkdirSync(app.at("deployed", "node_modules"), { recursive: true })
      symlinkSync(join(root, "node_modules", "ioredis"), app.at("deployed", "node_modules", "ioredis"))
      app.write(
        "redis.mjs",
        `import { SessionLayer } from "effect-session"
import { Effect, Layer } from "effect"
const layer = SessionLayer.redis({ url: "redis://127.0.0.1:1" })
Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer)))).then((error) => console.log(error.reason))
`
      )
      const outfile = app.at("deployed", "app.mjs")
      const options = ["--bundle", "--platform=node", "--format=esm", "--minify", `--outfile=${outfile}`]
      await app.run(bin("esbuild"), "redis.mjs", ...options)
      expect((await app.run("node", outfile)).trim()).toBe("Unavailable")
    })

    const types = ["--typeRoots", join(root, "node_modules/@types"), "--types", "node"]

    it.concurrent("its root types are found with moduleResolution node10", async () => {
      app.write(
        "old.ts",
        `import { SessionLayer } from "effect-session"
export const SessionLive = SessionLayer.memory({ idleTimeout: "15 minutes" })
`
      )
      const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "node10"]
      await app.run(bin("tsc"), ...options, "--target", "es2022", ...types, "old.ts")
    })

    it.concurrent("its types are whole, with every library checked", async () => {
      app.write(
        "app.ts",
        `import { Schema } from "effect"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import { Conformance } from "effect-session/testing"
class Visits extends SessionStore.Tag<Visits>()("Visits", { n: Schema.Int }) {}
export const parts = [SessionHttp.middleware(Visits), SessionLayer.memory(), File.layer, Memory.layer, Conformance.suite]
`
      )
      const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--module", "nodenext"]
      await app.run(tools.tsc, ...options, "--target", "es2022", ...types, "app.ts")
    })
  })
}
