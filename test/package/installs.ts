/**
 * Each package manager, in an empty project and then, there, with the package for the other Effect. npm refuses that,
 * and names both versions; it is asked in the app that the other tests have installed with it. The others install it, and
 * warn; Bun's does not even do that. What the app imports then fails with the name of a file that says what to install.
 */
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { root } from "../../scripts/programs.mjs"
import { bun, type Line, lines, type Project, project } from "./project.js"

const modules = join(root, "node_modules")

interface Manager {
  readonly add: ReadonlyArray<string>
  readonly settings?: readonly [file: string, text: string]
  /** What it says to a peer that is `found` where `wanted` is asked for, and whether that ends the installation. */
  readonly mismatch: (wanted: string, found: string) => { readonly says?: RegExp; readonly fails?: boolean }
}

const managers: Record<string, Manager> = {
  pnpm: {
    add: ["node", join(modules, "pnpm/bin/pnpm.mjs"), "add"],
    // A package of @effect/platform's has a script that it does without.
    settings: ["pnpm-workspace.yaml", "strictDepBuilds: false\n"],
    mismatch: () => ({ says: /Issues with peer dependencies found/ })
  },
  "pnpm, strict about peers": {
    add: ["node", join(modules, "pnpm/bin/pnpm.mjs"), "add"],
    settings: ["pnpm-workspace.yaml", "strictDepBuilds: false\nstrictPeerDependencies: true\n"],
    mismatch: (wanted, found) => ({ says: RegExp(`Installed: ${found}[^]*Wanted:\\s*\\${wanted}`), fails: true })
  },
  "Yarn 1": {
    add: ["node", join(modules, "yarn/bin/yarn.js"), "add", "--non-interactive", "--ignore-scripts"],
    mismatch: (wanted) => ({ says: RegExp(`incorrect peer dependency "effect@\\${wanted}`) })
  },
  "Yarn 4": {
    add: ["node", join(modules, "@yarnpkg/cli-dist/bin/yarn.js"), "add"],
    settings: [".yarnrc.yml", "nodeLinker: node-modules\nenableTelemetry: false\nenableScripts: false\n"],
    mismatch: (_, found) => ({ says: RegExp(`effect is listed by your project with version ${found}`) })
  },
  bun: { add: [bun(), "add", "--ignore-scripts"], mismatch: () => ({}) }
}

const print = `import { SessionLayer } from "effect-session"
console.log(typeof SessionLayer.memory)
`

const failure = (running: Promise<string>) =>
  running.then(
    (text) => ({ failed: false, text }),
    (error: Error) => ({ failed: true, text: error.message })
  )

const other = ({ effect }: Line) => lines.find((line) => line.effect !== effect)!

/** What npm installs with. */
export const npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"] as const

export const npmRefusesTheOther = (app: Project, line: Line) =>
  it.concurrent("npm does not install the other one beside it", async () => {
    const { manifest, tarball } = other(line)
    const { failed, text } = await failure(app.run(...npm, `effect-session@file:${tarball}`))
    expect(failed).toBe(true)
    expect(text).toMatch(
      RegExp(`ERESOLVE[^]*Found: effect@${line.version}[^]*effect@"\\${manifest.peerDependencies.effect}`)
    )
  })

export const installs = () =>
  describe("a project's package manager", { timeout: 180_000 }, () => {
    // Its apps ask for `latest` by mistake.
    const line = lines[0]!
    const { manifest, tarball } = other(line)
    for (const [
      name,
      {
        add: [program = "", ...command],
        mismatch,
        settings
      }
    ] of Object.entries(managers)) {
      it.concurrent(`${name}: installs the package for Effect ${line.effect}, and not the other one beside it`, async () => {
        // On the newer Node, which both packages take.
        const app = project(name.replace(/\W/g, "-"), lines[1]!)
        const add = (tarball: string, ...names: ReadonlyArray<string>) =>
          app.run(program, ...command, `effect-session@file:${tarball}`, ...names)
        if (settings !== undefined) app.write(...settings)
        if (name === "Yarn 4") app.write("yarn.lock", "")
        await add(line.tarball, ...line.beside)
        app.write("app.mjs", print)
        expect(await app.run("node", "app.mjs")).toBe("function\n")

        const { fails = false, says = /^/ } = mismatch(manifest.peerDependencies.effect, line.version)
        const added = await failure(add(tarball))
        expect(added).toEqual({ failed: fails, text: expect.stringMatching(says) })
        if (!fails) {
          const { failed, text } = await failure(app.run("node", "app.mjs"))
          expect(failed).toBe(true)
          expect(text).toMatch(RegExp(`effect@${line.effect}-needs-effect-session@${line.manifest.publishConfig.tag}`))
        }
      })
    }
  })
