// Writes what a package is made of, as a CycloneDX document: the package itself, the Effect that it needs, and the
// drivers that an app may add (`scope` optional), each in the version that the release was tested with.
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { effect4, root } from "./programs.mjs"

/**
 * Returns the path of the document, which stands beside the package's tarball.
 *
 * @param {string} folder
 * @param {any} manifest
 */
export const writeSbom = (folder, manifest) => {
  const { description, devDependencies, license, name, peerDependencies, peerDependenciesMeta, repository, version } =
    manifest
  const tested = (/** @type {boolean} */ optional) =>
    Object.fromEntries(
      Object.keys(peerDependencies)
        .filter((peer) => (peerDependenciesMeta[peer]?.optional === true) === optional)
        .map((peer) => [peer, devDependencies[peer]])
    )
  const temporary = mkdtempSync(join(tmpdir(), "effect-session-sbom-"))
  // npm names the package after its folder.
  const cwd = join(temporary, name)
  const npm = (/** @type {ReadonlyArray<string>} */ ...args) =>
    execFileSync("npm", args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26, stdio: ["ignore", "pipe", "inherit"] })
  try {
    mkdirSync(cwd)
    const dependencies = { dependencies: tested(false), optionalDependencies: tested(true) }
    const about = { name, version, description, license, repository }
    writeFileSync(join(cwd, "package.json"), JSON.stringify({ ...about, ...dependencies }))
    // What these packages need in turn is in the versions of the tests too.
    const lock = "package-lock.json"
    copyFileSync(join(version.startsWith("4.") ? effect4 : root, lock), join(cwd, lock))
    npm("install", "--package-lock-only", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--silent")
    const path = join(folder, `${name}-${version}.cdx.json`)
    writeFileSync(path, npm("sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--package-lock-only"))
    return path
  } finally {
    rmSync(temporary, { recursive: true })
  }
}
