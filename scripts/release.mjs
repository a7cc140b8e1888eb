// `npm run release`: builds and packs both packages, tests the tarballs, writes what each is made of, publishes them
// under their dist-tags, and tags the commit. `--dry-run` publishes and tags nothing; `--packed=FOLDER` takes tarballs
// that are tested already.
// npm signs where a package comes from (its provenance) only in CI: a workflow of GitHub with `permissions: id-token:
// write`, in a public repository. Elsewhere a release ends before anything is published.
// `npm run bump` comes first: it makes the versions, and the chapter of CHANGELOG.md, of the changes in `.changeset`.
// What a release that broke off has published or tagged is left as it is.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { chapterOf, pendingIn } from "./changesets.mjs"
import { manifests, tarballOf } from "./pack.mjs"
import { root } from "./programs.mjs"
import { writeSbom } from "./sbom.mjs"

const dryRun = process.argv.includes("--dry-run")
const packed = process.argv.find((argument) => argument.startsWith("--packed="))?.slice("--packed=".length)

/**
 * Runs a program that has to succeed.
 *
 * @param {string} program
 * @param {ReadonlyArray<string>} args
 * @param {NodeJS.ProcessEnv} env
 */
const run = (program, args, env = process.env) => {
  console.log(`$ ${program} ${args.join(" ")}`)
  execFileSync(program, args, { cwd: root, env, stdio: "inherit" })
}

/**
 * Returns what a program prints, or undefined if it fails.
 *
 * @param {string} program
 * @param {ReadonlyArray<string>} args
 */
const ask = (program, ...args) => {
  const { status, stdout } = spawnSync(program, args, { cwd: root, encoding: "utf8" })
  return status === 0 ? stdout.trim() : undefined
}

const canSign =
  process.env["ACTIONS_ID_TOKEN_REQUEST_URL"] !== undefined && manifests.every(({ repository }) => repository)
if (!dryRun && !canSign) {
  throw new Error("publish from CI: npm signs the packages' provenance only there (permissions: id-token: write)")
}
if (!dryRun && ask("git", "status", "--porcelain") !== "") throw new Error("commit first: the tags are for a commit")

const pending = pendingIn(root).length
const [three, four] = manifests.map(({ version }) => version)
const chapter = chapterOf(three, four)
const unready = [
  ...(pending > 0 ? [`npm run bump: .changeset has ${pending} that are in no version yet`] : []),
  ...(readFileSync(join(root, "CHANGELOG.md"), "utf8").includes(`\n${chapter}\n`)
    ? []
    : [`CHANGELOG.md has no chapter "${chapter}"`])
]
for (const problem of unready) console.log(`before a release: ${problem}`)
if (!dryRun && unready.length > 0) throw new Error(unready.join("; "))

const folder = packed ?? mkdtempSync(join(tmpdir(), "effect-session-release-"))
if (packed === undefined) {
  run("node", ["scripts/setup.mjs", "--for=check"])
  run("npm", ["run", "check"])
  run("npx", ["vitest", "run", "test/package.test.ts"], { ...process.env, PACK_INTO: folder })
}

const documents = manifests.map((manifest) => writeSbom(folder, manifest))

// Effect 4's first: npm gives `latest` to the first version of all that it gets, whatever tag that has.
for (const manifest of [...manifests].reverse()) {
  const { name, publishConfig, version } = manifest
  const tag = `v${version}`
  if (ask("npm", "view", `${name}@${version}`, "version") !== version) {
    const options = ["--tag", publishConfig.tag, "--access", "public", ...(dryRun ? ["--dry-run"] : [])]
    run("npm", ["publish", tarballOf(folder, manifest), ...options])
  }
  if (ask("git", "tag", "--list", tag) === "") {
    if (dryRun) console.log(`would tag ${ask("git", "rev-parse", "--short", "HEAD")} as ${tag}`)
    else run("git", ["tag", "--annotate", tag, "--message", `${name} ${version}`])
  }
}
if (!dryRun) run("git", ["push", "--follow-tags"])
console.log(`Attach to the release: ${documents.join(" ")}`)
