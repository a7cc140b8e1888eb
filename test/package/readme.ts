/**
 * The README, as a reader follows it: what it says to install, and its program.
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { root } from "../../scripts/programs.mjs"
import { freePorts, host, until } from "../servers/Process.js"
import { bin, type Line, project } from "./project.js"

const text = readFileSync(join(root, "README.md"), "utf8")

export const readme = (line: Line) =>
  it.concurrent("the README's packages install together, and its program starts a server that counts", async () => {
    const [, names = ""] = text.match(RegExp(`\\*\\*Effect ${line.effect}\\*\\* \\| \`npm install (.*?)\``))!
    const [, code = ""] = text.match(RegExp(`\\*\\*Effect ${line.effect}\\*\\*\\n\\n\`\`\`ts\\n([^]*?)\`\`\``))!
    const [first, ...beside] = names.split(" ")
    const { publishConfig } = line.manifest
    expect(first).toBe(publishConfig.tag === "latest" ? "effect-session" : `effect-session@${publishConfig.tag}`)
    const app = project(`readme-${line.effect}`, line)
    await app.run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", line.tarball, ...beside)
    const [port] = await freePorts(1)
    app.write("server.ts", code.replace("port: 3000", `port: ${port}`))
    const server = spawn(bin("tsx"), ["server.ts"], { cwd: app.at(), env: app.env, stdio: "ignore" })
    try {
      const visit = async (headers = {}) => {
        const response = await fetch(`http://${host}:${port}/visits`, { headers, signal: AbortSignal.timeout(10_000) })
        return { body: await response.text(), cookie: response.headers.getSetCookie()[0]?.split(";")[0] }
      }
      const begun = await until(() => visit())
      expect(begun.body).toBe("visit 1\n")
      expect((await visit({ cookie: begun.cookie })).body).toBe("visit 2\n")
    } finally {
      server.kill()
    }
  })
