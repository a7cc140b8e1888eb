/**
 * The command of a package, as `npx` runs it.
 */
import { expect, it } from "vitest"
import { type Line, type Project, project } from "./project.js"

/** What a run that fails prints. */
const failing = (app: Project, ...args: ReadonlyArray<string>): Promise<string> =>
  app.run("npx", "effect-session", ...args).then(
    (text) => expect.fail(`it succeeded: ${text}`),
    (error: Error) => error.message
  )

/** `app` is a project that has the package and Effect alone. */
export const command = (app: Project, { beside, effect, manifest, path, tarball }: Line): void => {
  it.concurrent("its command says what to install for it", async () => {
    expect(await failing(app, "keys", "cookie")).toMatch(
      /\neffect-session: the command needs @effect\/[\w-]+, which is not installed: npm install --save-dev @effect/
    )
  })

  it.concurrent("its command needs nothing that it does not say", async () => {
    const [, needs = ""] = /npm install --save-dev (.*)\n/.exec(await failing(app, "keys", "cookie"))!
    const other = project(`command-${effect}`, { path })
    await other.run(
      "npm",
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      tarball,
      ...beside,
      ...needs.split(" ")
    )
    expect(await other.run("npx", "effect-session", "keys", "at-rest")).toMatch(/^SESSION_AT_REST_KEYS=[\w-]{43}\n$/)
    expect(await other.run("npx", "effect-session", "--version")).toContain(manifest.version)
    const refused = await failing(other, "count")
    expect(refused).toMatch(/\neffect-session: SESSION_PROVIDER: it is not set/)
    expect(refused).not.toMatch(/^ +at /m)
  })
}
